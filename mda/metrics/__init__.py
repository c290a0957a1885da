"""Figures of the running service: what is counted (`families`), where (`region`), by whom (`recorder`), and the sum of
all processes (`merged`). Its loss costs figures, never mail."""
