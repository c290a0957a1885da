"""The private rspamd of the spam filter's measurement: none of its processes is left, nor its folder."""

import os
import tempfile
from pathlib import Path

import pytest

from bench import antispam_rspamd

REDIS = "#!/bin/sh\nexec sleep 60\n"
RSPAMD = """#!/bin/sh
for word; do case $word in --var=DBDIR=*) folder=${word#--var=DBDIR=};; esac; done
sh -c 'while :; do echo x > "$0/written.$$"; rm "$0/written.$$"; done' "$folder" controller &
echo $! > "$folder.worker"
trap 'exit 0' TERM
while :; do sleep 0.05; done
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both as scripts; rspamd leaves a helper behind that goes on writing."""
    for name, script in (("redis-server", REDIS), ("rspamd", RSPAMD)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


def test_nothing_is_left_of_it(programs: Path) -> None:
    antispam_rspamd.judge((), ())
    (noted,) = (programs / "temporary").iterdir()
    assert noted.suffix == ".worker", "its folder is gone"
    state = Path(f"/proc/{noted.read_text().strip()}/stat")
    assert not state.exists() or ") Z " in state.read_text()


def test_redis_ends_where_rspamd_can_not_be_started(programs: Path) -> None:
    (programs / "rspamd").chmod(0o644)
    before = children()
    with pytest.raises(PermissionError):
        antispam_rspamd.judge((), ())
    assert children() == before
    assert list((programs / "temporary").iterdir()) == []


def children() -> set[str]:
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}
