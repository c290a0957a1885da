"""What commands that check something have in common: a finding as JSON, and the exit status of all of them."""

from collections.abc import Sequence

from mda.checks.finding import Finding, Level, error, worst
from mda.errors import SettingsError

EXIT_STATUS = {Level.OK: 0, Level.SKIPPED: 0, Level.WARNING: 1, Level.ERROR: 2}


def exit_status(found: Sequence[Finding]) -> int:
    """0 when all is well, 1 with warnings, 2 with errors."""
    return EXIT_STATUS[worst(found)]


def unreadable(trouble: SettingsError) -> Finding:
    """Of a settings file that nothing can be read from."""
    remedy = trouble.remedy or "mda config show, for the names and defaults"
    return error("settings.file", trouble.message, "no command works, and mda serve does not start", remedy)


def document(one: Finding) -> dict[str, str]:
    return {
        "name": one.name,
        "level": one.level.value,
        "text": one.text,
        "consequence": one.consequence,
        "remedy": one.remedy,
    }
