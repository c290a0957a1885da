"""`mda alias`: addresses that lead to accounts, and catch-alls."""

import click

from mda.cli.lazy import Entry, LazyGroup

COMMANDS = (
    Entry("add", "alias_change", "Lead an address to accounts; @domain is a catch-all."),
    Entry("list", "alias_list", "List aliases and catch-alls.", "list_all"),
    Entry("remove", "alias_change", "Remove an alias, or accounts from it."),
    Entry("import", "import_directory", "Add many aliases, from a CSV file or another PostgreSQL.", "import_aliases"),
)


@click.group(cls=LazyGroup, entries=COMMANDS)
def alias() -> None:
    """Add, list or remove aliases and catch-alls.

    \b
    $ mda alias add sales@example.org anne@example.org bob@example.org
    $ mda alias add @example.org anne@example.org
    """
