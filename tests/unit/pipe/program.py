"""Building mda-pipe and running it as Postfix's pipe(8) does: message on stdin, stdout and stderr merged."""

import fcntl
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

BUILDS = {
    "plain": ("cc", "-Werror"),
    "sanitised": ("cc", "-Werror", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
}

STATUS_TEXT = re.compile(rb"[45]\.\d{1,3}\.\d{1,3} [ -~]+\n\Z")
"""What pipe(8) takes as the reason, if it stands at the very beginning of the output."""

SENDER, RECIPIENT = "from@there.example", "u@here.example"

MESSAGE = b"Received: by mx\nSubject: test\n\nHello\n"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended; `output` as pipe(8) sees it."""

    status: int
    output: bytes

    def __post_init__(self) -> None:
        assert self.status in (0, 65, 67, 69, 75, 77), (self.status, self.output)
        if self.status == 0:
            assert not re.match(rb"[245]\.\d", self.output), self.output
        else:
            assert STATUS_TEXT.match(self.output), self.output
            assert (self.output[:1] == b"4") == (self.status == 75), (self.status, self.output)


def build(folder: Path, kind: str) -> Path:
    """The program, built once for all processes of a test run that share `folder`."""
    binary = folder / f"mda-pipe-{kind}"
    with (folder / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.exists():
            made = binary.with_suffix(".new")
            command = ["sh", str(ROOT / "csrc/pipe/build.sh"), str(made), *BUILDS[kind]]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            made.rename(binary)
    return binary


@dataclass(frozen=True, slots=True)
class Program:
    """One build of mda-pipe."""

    path: Path
    kind: str

    @property
    def is_sanitised(self) -> bool:
        return self.kind == "sanitised"

    def command(self, socket: Path, *options: str, recipients: Sequence[str] = (RECIPIENT,)) -> list[str]:
        sender = () if "-f" in options else ("-f", SENDER)
        return [str(self.path), "--socket", str(socket), *options, *sender, "--", *recipients]

    def run(self, socket: Path, *options: str, raw: bytes = MESSAGE, recipients: Sequence[str] = (RECIPIENT,)) -> Ended:
        """Feeds it `raw`; the run must end in one of the allowed ways within a minute."""
        return self.run_command(self.command(socket, *options, recipients=recipients), raw)

    def start(self, socket: Path, *options: str, recipients: Sequence[str] = (RECIPIENT,)) -> subprocess.Popen[bytes]:
        """For tests that write the message themselves."""
        return subprocess.Popen(
            self.command(socket, *options, recipients=recipients),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )

    def run_command(self, command: Sequence[str], raw: bytes) -> Ended:
        done = subprocess.run(
            command, input=raw, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False
        )
        return Ended(done.returncode, done.stdout)


def ended(process: "subprocess.Popen[bytes]") -> Ended:
    """Waits for a started run."""
    output, _ = process.communicate(timeout=60)
    return Ended(process.returncode, output)
