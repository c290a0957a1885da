"""The embedded PostgreSQL: started, shared, adopted, stopped; as root and as a normal user."""

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from mda.errors import DatabaseUnavailable, SettingsError
from mda.metadata.postgresql import embedded, embedded_place, embedded_server, postgresql_binaries
from mda.metadata.postgresql.embedded_place import Place
from mda.metadata.postgresql.engine import connect
from mda.metadata.postgresql.postgresql_binaries import Binaries, choose_binaries
from mda.metadata.postgresql.server_user import ServerUser, choose_user
from tests.crash.processes import wait_until
from tests.requirements import require

ROOT = Path(__file__).parents[4]
NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can lend a user to PostgreSQL")

USER_PROGRAM = """
import sys, time
from pathlib import Path
from mda.metadata.postgresql import embedded
with embedded.running(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.readline()
print("left", flush=True)
"""


@contextlib.contextmanager
def another_process(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A second user of the server, which leaves when told a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", USER_PROGRAM, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("leave\n")
    process.stdin.flush()


def postmaster(data_dir: Path) -> int | None:
    with contextlib.suppress(FileNotFoundError):
        return int((data_dir / "pg" / "postmaster.pid").read_text().splitlines()[0])
    return None


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
        connection.commit()
    return rows


def is_up(url: str) -> bool:
    try:
        connect(url).close()
    except DatabaseUnavailable:
        return False
    return True


def test_its_database_is_durable_utf8_and_private(data_dir: Path) -> None:
    with embedded.running(data_dir) as url:
        (found,) = run(
            url,
            "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('data_checksums'),"
            " current_setting('server_encoding'), current_setting('listen_addresses'), current_user::text",
        )
        assert found == ("on", "on", "on", "UTF8", "", "mda")
        folder = data_dir / "pg.socket"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert postmaster(data_dir)
        assert not os.geteuid() or folder.stat().st_uid == os.geteuid()
    assert postmaster(data_dir) is None


def test_a_build_without_lz4_goes_without(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As its `postgres` answers where it was configured without."""
    user = choose_user()
    real = choose_binaries(data_dir / "pg", user, data_dir)
    for program in real.folder.iterdir():
        (data_dir / program.name).symlink_to(program)
    (data_dir / "postgres").unlink()
    (data_dir / "postgres").write_text(
        f'#!/bin/sh\ncase "$*" in *=lz4*) exit 1;; esac\nexec "{real.program("postgres")}" "$@"\n'
    )
    (data_dir / "postgres").chmod(0o755)
    monkeypatch.setattr(postgresql_binaries, "choose_binaries", lambda *_: Binaries(data_dir, real.major))
    with embedded.running(data_dir) as url:
        assert run(url, "SELECT current_setting('wal_compression')") == [("off",)]


def test_two_processes_share_it_and_the_last_to_leave_stops_it(data_dir: Path) -> None:
    with another_process(data_dir) as other:
        with embedded.running(data_dir) as url:
            assert told(other) == url
            server = postmaster(data_dir)
        assert postmaster(data_dir) == server, "the other still uses it"
        assert run(url, "SELECT 1") == [(1,)]
        tell(other)
        assert told(other) == "left"
    assert postmaster(data_dir) is None


def test_the_server_of_a_killed_user_is_adopted(data_dir: Path) -> None:
    with another_process(data_dir) as other:
        url = told(other)
        server = postmaster(data_dir)
        other.kill()
        other.wait()
        assert run(url, "SELECT 1") == [(1,)]
        with embedded.running(data_dir) as same_url:
            assert (same_url, postmaster(data_dir)) == (url, server)
        assert postmaster(data_dir) is None


def test_it_starts_again_after_kill_minus_9_and_has_what_was_committed(data_dir: Path) -> None:
    with embedded.running(data_dir) as url:
        run(url, "CREATE TABLE kept (n int)")
        with contextlib.closing(connect(url)) as busy:  # a backend that outlives the postmaster for a moment
            for _ in range(50):
                run(url, "INSERT INTO kept VALUES (1)")
            server = postmaster(data_dir)
            assert server is not None
            os.kill(server, signal.SIGKILL)
            while is_up(url):
                time.sleep(0.01)
            with embedded.running(data_dir) as new_url:
                assert postmaster(data_dir) != server
                assert run(new_url, "SELECT count(*) FROM kept") == [(50,)]
            assert busy.closed == 0
    assert postmaster(data_dir) is None


@pytest.fixture
def replaying(data_dir: Path) -> Path:
    """Whose server asks an archive for its log when it starts, two seconds each time: as if a crash had left much to
    replay."""
    with embedded.running(data_dir):
        pass
    with (data_dir / "pg" / "postgresql.conf").open("a") as configuration:
        configuration.write("restore_command = 'sleep 2; false'\n")
    (data_dir / "pg" / "recovery.signal").touch()
    return data_dir


def test_a_replay_that_takes_long_is_waited_for(replaying: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_server, "START_SECONDS", 1)
    began = time.monotonic()
    with embedded.running(replaying) as url:
        assert time.monotonic() - began > 2
        assert run(url, "SELECT 1") == [(1,)]


def test_who_waits_for_a_replay_can_be_told_to_end(replaying: Path) -> None:
    (replaying / "mda.toml").write_text(f'data_dir = "{replaying}"\n')
    program = "from mda.cli.main import main; main()"
    command = [sys.executable, "-c", program, "--config", str(replaying / "mda.toml"), "serve"]
    serve = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: embedded_place.is_under_way(Place(replaying)), 20, "the replay")
        serve.terminate()
        _, said = serve.communicate(timeout=5)
        assert serve.returncode == 0, said
    finally:
        serve.kill()
        with embedded.running(replaying):  # to the end, so that nothing is left running
            pass


@needs_root
def test_a_replay_is_seen_by_root_in_a_container(replaying: Path) -> None:
    """Who may not look at another user's process."""
    setpriv = shutil.which("setpriv")
    require(setpriv is not None, "setpriv", "apt-get install util-linux")
    program = (
        "import sys; from pathlib import Path; from mda.metadata.postgresql.embedded_place import Place, is_under_way\n"
        "print(is_under_way(Place(Path(sys.argv[1]))))"
    )
    command = [setpriv or "", "--bounding-set", "-sys_ptrace", sys.executable, "-c", program, str(replaying)]
    with ThreadPoolExecutor() as pool:
        pool.submit(enter_and_leave, replaying)
        wait_until(lambda: embedded_place.is_under_way(Place(replaying)), 20, "the replay")
        assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "True\n"


def enter_and_leave(data_dir: Path) -> None:
    with embedded.running(data_dir):
        pass


def test_a_stop_waits_until_all_is_written(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_server, "START_SECONDS", 1)
    with embedded.running(data_dir) as url:
        ((checkpointer,),) = run(url, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
        assert isinstance(checkpointer, int)
        os.kill(checkpointer, signal.SIGSTOP)
        threading.Timer(3, os.kill, (checkpointer, signal.SIGCONT)).start()
    assert postmaster(data_dir) is None


def test_one_ctrl_c_ends_who_waits_at_the_gate(data_dir: Path) -> None:
    with embedded.running(data_dir):
        pass
    with Place(data_dir).gate.open() as gate, another_process(data_dir) as other:
        fcntl.flock(gate, fcntl.LOCK_EX)
        wait_until(lambda: f"FLOCK  ADVISORY  WRITE {other.pid} " in Path("/proc/locks").read_text(), 20, "its wait")
        other.send_signal(signal.SIGINT)
        other.wait(5)


def test_the_process_id_of_a_killed_server_may_be_anothers(data_dir: Path) -> None:
    with embedded.running(data_dir):
        assert not embedded_place.is_under_way(Place(data_dir)), "it has started"
    lines = [str(os.getpid()), str(data_dir / "pg"), "0", "5432", str(data_dir), "", "", "starting"]
    (data_dir / "pg" / "postmaster.pid").write_text("\n".join(lines))
    assert not embedded_place.is_under_way(Place(data_dir))


def test_its_users_revive_it(data_dir: Path) -> None:
    with embedded.running(data_dir) as url:
        server = postmaster(data_dir)
        assert server is not None
        assert not embedded.revive(data_dir)
        os.kill(server, signal.SIGKILL)
        while is_up(url):
            time.sleep(0.01)
        assert embedded.revive(data_dir)
        assert not embedded.revive(data_dir)
        assert run(url, "SELECT 1") == [(1,)]
    assert postmaster(data_dir) is None


def test_a_crash_in_the_middle_of_making_it_leaves_nothing_in_the_way(data_dir: Path) -> None:
    (data_dir / "pg.new").mkdir()
    (data_dir / "pg.new" / "PG_VERSION").write_text("15\n")
    with embedded.running(data_dir) as url:
        assert run(url, "SELECT 1") == [(1,)]
    assert not (data_dir / "pg.new").exists()


@pytest.mark.parametrize("name", ["d" * 100, "with, comma and \"quotes\" and 'more' \\ %20"])
def test_any_data_folder_will_do(data_dir: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If PostgreSQL's programs are elsewhere: copies of the wheel's, where they are needed, are made beside it."""
    monkeypatch.setattr(
        postgresql_binaries, "choose_binaries", lambda cluster, user, _: choose_binaries(cluster, user, data_dir)
    )
    with embedded.running(data_dir / name) as url:
        assert run(url, "SELECT 1") == [(1,)]
        socket_folder = Path(run(url, "SELECT trim(BOTH '\"' FROM current_setting('unix_socket_directories'))")[0][0])  # type: ignore[arg-type]
    assert len(os.fsencode(socket_folder)) < 108
    assert socket_folder.parent == Path(tempfile.gettempdir())
    socket_folder.rmdir()


def test_a_foreign_socket_folder_is_refused(data_dir: Path) -> None:
    (data_dir / "pg.socket").mkdir(mode=0o777)
    (data_dir / "pg.socket").chmod(0o777)
    with pytest.raises(SettingsError, match="remove it"), embedded.running(data_dir):
        pass
    (data_dir / "pg.socket").rmdir()
    (data_dir / "pg.socket").symlink_to(data_dir)
    with pytest.raises(SettingsError, match="remove it"), embedded.running(data_dir):
        pass


def test_ctrl_c_does_not_reach_the_server(data_dir: Path) -> None:
    with embedded.running(data_dir):
        server = postmaster(data_dir)
        assert server is not None
        assert os.getsid(server) != os.getsid(0)


@needs_root
def test_root_is_told_when_the_servers_user_cannot_reach_the_folder(data_dir: Path) -> None:
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(SettingsError, match=r"can't enter .*chmod o\+x"), embedded.running(closed / "inner"):
        pass


@needs_root
def test_another_user_is_told_whose_it_is(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, *_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    data_dir.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SettingsError, match=f"runuser -u {data_dir.owner()} -- mda"), embedded.running(data_dir):
        pass


def test_root_may_name_the_user_but_not_root_itself() -> None:
    assert choose_user("nobody") == ServerUser("nobody", NOBODY, choose_user("nobody").gid, is_lent=True)
    with pytest.raises(SettingsError, match="refuses"):
        choose_user("root")
    with pytest.raises(SettingsError, match="no user no-such-user"):
        choose_user("no-such-user")


@needs_root
def test_a_cluster_of_another_user_is_not_touched(data_dir: Path) -> None:
    with embedded.running(data_dir, "nobody") as url:
        assert (data_dir / "pg").stat().st_uid == NOBODY
        with pytest.raises(SettingsError, match="belongs to user id 65534"), embedded.running(data_dir, "daemon"):
            pass
        assert run(url, "SELECT 1") == [(1,)]


@needs_root
def test_a_normal_user_runs_it_as_himself(data_dir: Path) -> None:
    """The system's Python and copies of our code and of PostgreSQL's programs, as a normal user may not enter the
    folders that ours are in; no other package is needed for this."""
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin") or "python3"
    version = "import sys; raise SystemExit(sys.version_info < (3, 11))"
    is_fit = False
    with contextlib.suppress(FileNotFoundError):
        is_fit = subprocess.run([python, "-c", version], check=False).returncode == 0
    require(is_fit, "a Python 3.11 that a normal user can run", "apt-get install python3")
    data_dir.chmod(0o777)
    shutil.copytree(ROOT / "mda", data_dir / "code" / "mda", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    programs = choose_binaries(data_dir / "none", choose_user("nobody"), data_dir).folder
    done = subprocess.run(
        [python, "-B", "-c", USER_PROGRAM, str(data_dir / "his")],
        user=NOBODY,
        group=NOBODY,
        extra_groups=(),
        cwd=data_dir / "code",
        env={"PATH": f"{programs}:{os.defpath}"},
        input="leave\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "left"
    assert (data_dir / "his" / "pg").stat().st_uid == NOBODY
    assert postmaster(data_dir / "his") is None


def test_a_server_that_does_not_start_shows_the_end_of_its_log(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded.running(data_dir):
        pass
    with (data_dir / "pg" / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_parameter = 1\n")
    monkeypatch.setattr(embedded_server, "START_SECONDS", 1)
    started = time.monotonic()
    with pytest.raises(Exception, match="no_such_parameter"), embedded.running(data_dir):
        pass
    assert time.monotonic() - started < 20


def test_it_is_reached_by_the_urls_of_libpq(data_dir: Path) -> None:
    with embedded.running(data_dir) as url:
        psycopg2.connect(url).close()
