"""What the embedded server takes of its machine, by that machine's sizes and limits."""

import contextlib
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mda.metadata.postgresql import embedded, embedded_sizes
from mda.metadata.postgresql.engine import connect
from tests.unit.metadata.postgresql.test_embedded import run

MB, GB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("memory", "buffers"),
    [
        (512 * MB, 128 * MB),
        (2 * GB, 256 * MB),
        (8 * GB + 5, GB),
        (64 * GB, 2 * GB),
    ],
)
def test_an_eighth_of_the_memory_is_buffers_within_bounds(memory: int, buffers: int) -> None:
    assert embedded_sizes.buffers(memory) == buffers


@pytest.mark.parametrize(("disk", "wal"), [(10 * GB, GB), (48 * GB, 1536 * MB), (10**13, 2 * GB)])
def test_a_part_of_the_disk_is_wal_within_bounds(disk: int, wal: int) -> None:
    assert embedded_sizes.wal(disk) == wal


def test_what_the_kernel_would_not_lend_is_not_asked_for() -> None:
    """Of so many megabytes of addresses more than the process has: with room for what PostgreSQL maps beside them."""
    program = f"""
import resource
from mda.metadata.postgresql import embedded_sizes
has = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
for more in (2200, 1000, 150):
    resource.setrlimit(resource.RLIMIT_AS, (has + more * {MB}, {resource.RLIM_INFINITY}))
    print(embedded_sizes.buffers({64 * GB}), embedded_sizes.buffers({2 * GB}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found = [
        [int(word) // MB if word.isdigit() else None for word in line.split()] for line in done.stdout.splitlines()
    ]
    assert found == [[128, 256], [128, 256], [None, None]]


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        ("0::/system.slice/mda.service\n", {"system.slice/mda.service/memory.max": f"{GB}\n"}, GB),
        ("0::/system.slice/mda.service\n", {"system.slice/mda.service/memory.max": "max\n"}, None),
        (
            "0::/a/b\n",
            {"a/b/memory.max": f"{3 * MB}\n", "a/memory.max": f"{2 * MB}\n", "memory.max": "max\n"},
            2 * MB,
        ),
        ("0::/../../elsewhere\n", {"memory.max": f"{GB}\n"}, GB),  # as a container sees it
        (
            "9:name=systemd:/\n4:cpu,memory:/docker/1f\n0::/\n",
            {"memory/memory.limit_in_bytes": f"{GB}\n", "memory/docker/memory.limit_in_bytes": f"{1 << 63}\n"},
            GB,
        ),
        ("", {"memory.max": f"{MB}\n"}, None),
    ],
)
def test_a_control_group_leaves_less(tmp_path: Path, groups: str, files: dict[str, str], limit: int | None) -> None:
    own = tmp_path / "own"
    own.write_text(groups)
    for name, text in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(text)
    everything = embedded_sizes.memory(tmp_path / "none", own)  # no group: the machine's
    assert everything > GB
    assert embedded_sizes.memory(tmp_path / "groups", own) == (limit or everything)


def test_a_container_may_show_less_than_the_machine_has(tmp_path: Path) -> None:
    """As lxcfs does, where the container's own root group has no limit."""
    (tmp_path / "meminfo").write_text("MemTotal:         524288 kB\nMemFree:          400000 kB\n")
    assert embedded_sizes.memory(tmp_path, tmp_path / "no such file", tmp_path / "meminfo") == 512 * MB


def test_a_kernel_without_control_groups_limits_nothing(tmp_path: Path) -> None:
    assert embedded_sizes.memory(tmp_path, tmp_path / "no such file") > GB


def test_it_has_its_share_of_the_machine(data_dir: Path) -> None:
    with embedded.running(data_dir) as url:
        (found,) = run(
            url,
            "SELECT pg_size_bytes(current_setting('shared_buffers')), pg_size_bytes(current_setting('max_wal_size')),"
            " current_setting('checkpoint_timeout'), 'lz4' = ANY (enumvals), setting"
            " FROM pg_settings WHERE name = 'wal_compression'",
        )
        assert found[:3] == (
            embedded_sizes.buffers(embedded_sizes.memory()),
            embedded_sizes.wal(shutil.disk_usage(data_dir).total),
            "15min",
        )
        assert found[3:] in ((True, "lz4"), (False, "off"))
        with contextlib.closing(connect(url)) as connection:
            connection.autocommit = True
            connection.cursor().execute("ALTER SYSTEM SET shared_buffers = '16MB'")
    with embedded.running(data_dir) as url:
        assert run(url, "SELECT current_setting('shared_buffers')") == [("16MB",)], "an admin's word goes before ours"
