"""What a delivery writes: the hot statement, its connection, its rows, and the receipts."""
