"""A prepared system, as for the commands."""

from tests.unit.cli.conftest import System, anne, mail, system

__all__ = ["System", "anne", "mail", "system"]
