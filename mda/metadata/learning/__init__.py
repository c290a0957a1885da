"""What users teach the spam filter: their marks, the weights made of them, and what the trainer has yet to do."""
