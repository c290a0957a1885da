"""Everything that can go wrong around mda-pipe: the mail must stay in Postfix's queue, and never be cut short."""

import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.unit.pipe.program import MESSAGE, Ended, Program, ended
from tests.unit.pipe.scripted_server import Act, Script, serving

STEPS = ("CONNECT", "LHLO", "XFORWARD", "MAIL", "RCPT", "DATA", "END")
TERMINATING = sorted(
    set(signal.valid_signals())
    - {signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT}
    - {signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGPIPE, signal.SIGXFSZ}
    - {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT}
)


def test_no_socket(program: Program, tmp_path: Path) -> None:
    assert program.run(tmp_path / "none").output == b"4.4.1 cannot connect to the MDA: No such file or directory\n"


def test_socket_that_nobody_listens_on(program: Program) -> None:
    with tempfile.TemporaryDirectory(prefix="pipe-") as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder) / "s"
        listener.bind(str(path))
        assert program.run(path).output == b"4.4.1 cannot connect to the MDA: Connection refused\n"
        path.unlink()
        path.write_text("a file")
        assert program.run(path).status == 75


def test_full_socket(program: Program) -> None:
    """A Unix socket whose queue is full says EAGAIN at once: tried again until there is room or the deadline."""
    with tempfile.TemporaryDirectory(prefix="pipe-") as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder) / "s"
        listener.bind(str(path))
        listener.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(path))
            start = time.monotonic()
            assert program.run(path, "--deadline", "1").output.startswith(b"4.4.1 cannot connect to the MDA: Conn")
            assert 0.9 < time.monotonic() - start < 5
            process = program.start(path)
            time.sleep(0.1)
            listener.accept()[0].close()
            second, _ = listener.accept()
            second.close()
            assert ended(process).output == b"4.4.2 the connection to the MDA broke at greeting\n"


@pytest.mark.parametrize("step", STEPS)
def test_mda_killed(program: Program, step: str) -> None:
    with serving(Script({step: (Act.DROP,)})) as server:
        outcome = program.run(server.path, "--queue-id", "4gXyz")
    assert outcome.output.startswith(b"4.4.2 the connection to the MDA broke at ")


@pytest.mark.parametrize("octets", [0, 1000, 3_000_000])
def test_mda_killed_in_the_message(program: Program, octets: int) -> None:
    with serving(Script(drop_message_after=octets)) as server:
        outcome = program.run(server.path, raw=b"x" * 99 + b"\n" + b"y\n" * 2_000_000)
    assert outcome.output.startswith(b"4.4.2 the connection to the MDA broke at ")


def test_mda_speaks_in_the_message(program: Program) -> None:
    """The only thing to be said there is that it goes away."""
    with serving(Script({"DATA": (b"354 go\r\n421 4.3.2 shutting down\r\n",)})) as server:
        assert program.run(server.path).output == b"4.3.2 shutting down\n"
    assert not server.heard.is_complete


def test_deadline_at_each_step(program: Program) -> None:
    def run(step: str) -> tuple[Ended, float]:
        with serving(Script({step: (Act.HANG,)})) as server:
            start = time.monotonic()
            return program.run(server.path, "--queue-id", "4gXyz", "--deadline", "1"), time.monotonic() - start

    with ThreadPoolExecutor(len(STEPS)) as pool:
        for step, (outcome, seconds) in zip(STEPS, pool.map(run, STEPS), strict=True):
            assert outcome.output.startswith(b"4.4.2 the MDA took too long at "), (step, outcome)
            assert 0.9 < seconds < 5


def test_deadline_while_the_mda_does_not_read(program: Program) -> None:
    with serving(Script({"DATA": (b"354 go\r\n", Act.HANG)})) as server, tempfile.TemporaryFile() as message:
        message.write(b"x\n" * 1_000_000)
        message.seek(0)
        server.pause_collecting.set()
        done = subprocess.run(
            program.command(server.path, "--deadline", "1"), stdin=message, capture_output=True, check=False
        )
        server.pause_collecting.clear()
    assert Ended(done.returncode, done.stdout).output == b"4.4.2 the MDA took too long at message\n"
    assert not server.heard.is_complete


def test_deadline_while_pipe_does_not_write(program: Program) -> None:
    with serving() as server:
        process = program.start(server.path, "--deadline", "1")
        assert process.wait(10) == 75
        assert ended(process).output == b"4.4.2 the MDA took too long at message\n"
    assert not server.heard.is_complete


def close_descriptors(*descriptors: int) -> Callable[[], None]:
    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return close


@pytest.mark.parametrize("descriptors", [(0,), (0, 1), (0, 1, 2)])
def test_closed_standard_input(program: Program, descriptors: tuple[int, ...]) -> None:
    with serving() as server:
        command = program.command(server.path)
        done = subprocess.run(command, preexec_fn=close_descriptors(*descriptors), capture_output=True, check=False)
    assert done.returncode == 75
    assert server.conversations == []


@pytest.mark.parametrize("descriptors", [(1,), (2,), (1, 2)])
def test_closed_output_is_not_taken_by_the_socket(program: Program, descriptors: tuple[int, ...]) -> None:
    with serving(Script({"RCPT": (b"550 5.1.1 no\r\n",)})) as server:
        done = subprocess.run(
            program.command(server.path),
            input=MESSAGE,
            preexec_fn=close_descriptors(*descriptors),
            capture_output=True,
            check=False,
        )
    assert done.returncode == 67
    assert server.heard.commands[1:] == [
        "MAIL FROM:<from@there.example> BODY=8BITMIME",
        "RCPT TO:<u@here.example>",
        "QUIT",
    ]


def test_output_that_nobody_takes(program: Program) -> None:
    """A full pipe must not block the end of the program."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    while True:
        try:
            os.write(writable, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(writable, True)
    with serving() as server:
        done = subprocess.run(program.command(server.path), input=MESSAGE, stdout=writable, timeout=20, check=False)
    os.close(readable)
    os.close(writable)
    assert done.returncode == 0


@pytest.mark.parametrize("signal_number", TERMINATING)
def test_signal_while_it_waits(program: Program, signal_number: int) -> None:
    step = STEPS[signal_number % len(STEPS)]
    with serving(Script({step: (Act.HANG,)})) as server:
        process = program.start(server.path, "--queue-id", "4gXyz")
        assert process.stdin is not None
        process.stdin.write(MESSAGE)
        process.stdin.close()
        process.stdin = None
        assert server.reached[step].wait(10)
        process.send_signal(signal_number)
        assert ended(process).output == b"4.3.2 mda-pipe was interrupted by a signal\n"


def test_signals_at_any_moment(program: Program) -> None:
    """Success only with the whole message; before its first instruction a signal still kills it, which defers."""
    statuses = set()
    for attempt in range(60):
        with serving() as server:
            process = program.start(server.path, "--queue-id", "4gXyz")
            assert process.stdin is not None
            process.stdin.write(MESSAGE)
            process.stdin.close()
            process.stdin = None
            time.sleep(attempt / 60 * 0.004)
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=20)
        statuses.add(process.returncode)
        if process.returncode != -signal.SIGTERM:
            outcome = Ended(process.returncode, output)
            assert outcome.status in (0, 75)
            assert outcome.status == 75 or server.heard.is_complete
    assert statuses <= {0, 75, -signal.SIGTERM}


def block_all_signals() -> Callable[[], None]:
    def block() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())

    return block


def test_ignored_and_blocked_signals_of_the_caller(program: Program) -> None:
    """pipe(8) starts us with SIGPIPE and SIGXFSZ ignored; a mask that we inherit must not outlast us."""

    with serving(Script({"MAIL": (Act.HANG,)})) as server:
        process = subprocess.Popen(
            program.command(server.path),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=block_all_signals(),  # noqa: PLW1509 - the child does nothing but set its mask
        )
        assert server.reached["MAIL"].wait(10)
        process.send_signal(signal.SIGTERM)
        assert ended(process).output == b"4.3.2 mda-pipe was interrupted by a signal\n"


def limited(kind: int, value: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (value, value))


@pytest.mark.parametrize("descriptors", range(7))
def test_few_descriptors(installed: Program, descriptors: int) -> None:
    with serving() as server:
        done = subprocess.run(
            installed.command(server.path),
            input=MESSAGE,
            stdout=subprocess.PIPE,
            preexec_fn=limited(resource.RLIMIT_NOFILE, descriptors),
            check=False,
        )
    assert Ended(done.returncode, done.stdout).status == (75 if descriptors < 4 else 0)


def test_little_memory(installed: Program) -> None:
    with serving() as server:
        done = subprocess.run(
            installed.command(server.path),
            input=MESSAGE,
            stdout=subprocess.PIPE,
            preexec_fn=limited(resource.RLIMIT_AS, 4 << 20),
            check=False,
        )
    assert Ended(done.returncode, done.stdout).status == 0


FEEDER = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=eval(sys.stdin.readline()), bufsize=0)
child.stdin.write(b"Received: by mx\\n" * 1000)
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("stdout", ["subprocess.PIPE", "subprocess.DEVNULL"])
def test_killed_feeder_never_makes_a_message(program: Program, stdout: str) -> None:
    """What pipe(8) looks like when it is killed while it writes: a plain end of file."""
    for _ in range(10):
        with serving() as server:
            feeder = subprocess.Popen(
                [sys.executable, "-ISc", FEEDER, *program.command(server.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            assert feeder.stdin is not None
            assert feeder.stdout is not None
            feeder.stdin.write(stdout.encode() + b"\n")
            feeder.stdin.flush()
            feeder.stdout.readline()
            assert server.reached["CONNECT"].wait(10)
            feeder.kill()
            feeder.communicate()
        assert not server.heard.is_complete


def test_output_closed_by_a_living_caller(program: Program) -> None:
    with serving() as server:
        process = program.start(server.path)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(MESSAGE)
        process.stdout.close()
        process.stdin.close()
        assert process.wait(10) == 75
    assert not server.heard.is_complete
