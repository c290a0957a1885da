"""The tables, the words that stand in them, and their migrations."""
