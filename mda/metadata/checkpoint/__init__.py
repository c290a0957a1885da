"""Rows as lines of JSON for the shards' checkpoints, and back into an empty database."""
