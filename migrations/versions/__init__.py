"""One file per schema change, in a single line of descent."""
