"""Sizes as people read them."""


def format_size(octets: int | None) -> str:
    """ "4.2 MB": three digits at most, decimal units; "none" for no limit."""
    if octets is None:
        return "none"
    value, unit = float(octets), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if unit != "B" and value < 9.95 else f"{value:.0f} {unit}"
