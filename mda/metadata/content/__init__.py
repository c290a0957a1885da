"""What a delivery knew of a message beside its place: packed for its row, and read back."""
