"""A minute of a store's life for every change (`make test-life GIGABYTES=10` is the long one)."""

from pathlib import Path

from tests.crash.life import live

SECONDS = 60
SEED = 20261127


def test_delivered_expunged_compacted_moved_and_checked_under_kills(open_folder: Path) -> None:
    life = live(open_folder, SEED, SECONDS)
    assert not life.findings, str(life)
    assert life.kills.total() >= 8, str(life)
    assert life.acknowledged > 500, str(life)
    assert life.expunged > 50, str(life)
    assert life.replicas, str(life)
    assert all(life.ended[name] for name in ("expunge", "compact", "move", "check", "replicate", "read")), str(life)
