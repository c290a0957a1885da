"""The migrations of the metadata, run by alembic through `mda migrate`."""
