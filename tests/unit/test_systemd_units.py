"""Each directive of the service's unit is explained where it stands, and the ones that matter are there."""

from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "conf/systemd/mda.service"
PLAIN = {"Description", "Documentation", "ExecStart", "Group", "RestartSec", "StateDirectoryMode", "WantedBy", "After"}
"""What says itself, or belongs to the line above it."""

HARDENING = {
    *("NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernelTunables"),
    *("ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "ProtectClock", "ProtectHostname"),
    *("ProtectProc", "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID"),
    *("LockPersonality", "CapabilityBoundingSet", "SystemCallArchitectures", "SystemCallFilter", "UMask"),
    *("User", "WatchdogSec", "SystemCallErrorNumber"),
}

LINES = UNIT.read_text().splitlines()
DIRECTIVES = tuple((number, line.partition("=")[0]) for number, line in enumerate(LINES) if line[:1].isalpha())


def test_the_service_is_locked_in() -> None:
    assert {name for _, name in DIRECTIVES} >= HARDENING


@pytest.mark.parametrize(("number", "name"), DIRECTIVES, ids=[name for _, name in DIRECTIVES])
def test_directive_is_explained(number: int, name: str) -> None:
    assert name in PLAIN or LINES[number - 1].startswith("# "), f"{name}: why?"


def test_a_database_that_replays_its_log_is_not_ended_by_the_clock() -> None:
    assert "TimeoutStartSec=infinity" in LINES
