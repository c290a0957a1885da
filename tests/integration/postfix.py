"""A private Postfix under a folder of its own: no systemd, no /etc/postfix, a free port on 127.0.0.1, its own log.

    with running(Setup(routes={"pipe.test": Pipe("mda-pipe ..."), "lmtp.test": Lmtp(socket)})) as postfix:
        queue_id = postfix.send(["u@pipe.test"], b"Subject: x\\r\\n\\r\\n")
        delivery = postfix.wait_for(queue_id)

Each route (a domain) has a service of its own, so that its parameters can differ. Whatever a route runs or connects
to is used by `nobody` or `postfix`: it must be reachable for them. Deferred mail is not retried by itself within a
test; `flush` retries. Needs root.
"""

import contextlib
import json
import os
import re
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

WAIT_SECONDS = 60
START_TRIES = 3

BASE_MAIN_CF = """\
compatibility_level = 3.6
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions =
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
default_transport = error:5.3.0 the test instance sends nothing out
relay_transport = error:5.3.0 no route for this domain
bounce_queue_lifetime = 1d
enable_long_queue_ids = yes
message_size_limit = 100000000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtputf8_enable = yes
minimal_backoff_time = 1000s
queue_run_delay = 1000s
transport_retry_time = 1s
service_throttle_time = 1s
"""

BASE_MASTER_CF = """\
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True)
class Pipe:
    """pipe(8) running `argv`, in which Postfix's macros stand."""

    argv: str
    recipient_limit: int = 1
    time_limit_seconds: int = 100
    user: str = "nobody"
    max_processes: int = 10


@dataclass(frozen=True, slots=True)
class Lmtp:
    """Postfix's LMTP client to a Unix socket."""

    socket: Path
    recipient_limit: int = 50
    max_processes: int = 10


Route: TypeAlias = Pipe | Lmtp


@dataclass(frozen=True, slots=True)
class Setup:
    routes: Mapping[str, Route] = field(default_factory=dict)
    """By domain."""
    main_cf: str = ""
    """Further lines; a parameter that stands twice has its last value."""
    master_cf: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One line of the log about one recipient."""

    queue_id: str
    recipient: str
    relay: str
    dsn: str
    status: str
    """sent, deferred or bounced."""
    text: str


@dataclass(frozen=True, slots=True)
class Queued:
    """One message that Postfix still has."""

    queue_id: str
    queue_name: str
    """active, deferred, hold, incoming."""
    recipients: tuple[str, ...]


DELIVERY_LINE = re.compile(
    r"postfix/[\w-]+\[\d+\]: (?P<queue_id>\w+): to=<(?P<recipient>[^>]*)>,.* relay=(?P<relay>[^,]+),.*"
    r" dsn=(?P<dsn>[\d.]+), status=(?P<status>\w+) \((?P<text>.*)\)$"
)


class Postfix:
    """One instance; see `running`."""

    def __init__(self, folder: Path, setup: Setup) -> None:
        self.folder = folder
        self.port = _free_port()
        self.host_name = f"mx-{os.getpid()}-{self.port}.test"
        self._setup = setup
        self._conf = folder / "conf"

    def configure(self) -> None:
        for name in ("conf", "queue", "data", "log"):
            (self.folder / name).mkdir(exist_ok=True)
        self.folder.chmod(0o755)
        shutil.chown(self.folder / "data", "postfix")
        (self._conf / "transport").write_text(
            "".join(f"{domain} {_service(domain)}{_next_hop(route)}\n" for domain, route in self._setup.routes.items())
        )
        (self._conf / "main.cf").write_text(_each_once(self._main_cf()))
        (self._conf / "master.cf").write_text(self._master_cf())

    def _main_cf(self) -> str:
        limits = "".join(
            f"{_service(domain)}_destination_recipient_limit = {route.recipient_limit}\n"
            + _of_transport(_service(domain), route)
            for domain, route in self._setup.routes.items()
        )
        return (
            BASE_MAIN_CF
            + f"queue_directory = {self.folder}/queue\ndata_directory = {self.folder}/data\n"
            + f"daemon_directory = {_default('daemon_directory')}\n"
            + f"command_directory = {_default('command_directory')}\n"
            + f"maillog_file = {self.folder}/log/mail.log\nmaillog_file_prefixes = {self.folder}/log\n"
            + f"myhostname = {self.host_name}\nmyorigin = {self.host_name}\n"
            + f"relay_domains = {' '.join(self._setup.routes)}\nrelay_recipient_maps =\n"
            + f"transport_maps = texthash:{self._conf}/transport\n"
            + limits
            + self._setup.main_cf
        )

    def _master_cf(self) -> str:
        listener = f"127.0.0.1:{self.port} inet n - n - - smtpd\n"
        services = "".join(_master_line(domain, route) for domain, route in self._setup.routes.items())
        return listener + BASE_MASTER_CF + services + self._setup.master_cf

    def start(self) -> None:
        """Returns once the instance greets under its own name: the port might be someone else's."""
        said = self._command("postfix", "start")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                if self.host_name.encode() in connection.recv(512):
                    return
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"Postfix does not answer: {said}\n{self.log_text()}")

    def stop(self) -> None:
        """Ends the master process and waits until it is gone."""
        pid_file = self.folder / "queue/pid/master.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text())
        self._command("postfix", "stop")
        deadline = time.monotonic() + 10
        while _is_running(pid) and time.monotonic() < deadline:
            time.sleep(0.02)

    def send(self, recipients: Sequence[str], raw: bytes, sender: str = "from@there.test", utf8: bool = False) -> str:
        """Hands a message over by SMTP; returns its queue id. `raw` has CRLF line ends."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
            client.ehlo("client.test")
            code, answer = client.mail(sender, ["SMTPUTF8", "BODY=8BITMIME"] if utf8 else ["BODY=8BITMIME"])
            assert code == 250, answer
            for recipient in recipients:
                code, answer = client.rcpt(recipient)
                assert code == 250, answer
            code, answer = client.data(raw)
        found = re.search(rb"queued as (\w+)", answer)
        assert code == 250, answer
        assert found is not None, answer
        return found[1].decode()

    def deliveries(self) -> tuple[Delivery, ...]:
        found = (DELIVERY_LINE.search(line) for line in self.log_text().splitlines())
        return tuple(Delivery(**match.groupdict()) for match in found if match)

    def wait_for(self, queue_id: str, count: int = 1, status: str = "") -> tuple[Delivery, ...]:
        """The first `count` lines about the message, only those with `status` if given; waits for them."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = [d for d in self.deliveries() if d.queue_id == queue_id and status in ("", d.status)]
            if len(found) >= count:
                return tuple(found)
            time.sleep(0.05)
        raise AssertionError(f"no {count} deliveries of {queue_id} in {WAIT_SECONDS} s:\n{self.log_text()}")

    def queue(self) -> tuple[Queued, ...]:
        lines = self._command("postqueue", "-j").splitlines()
        entries = (json.loads(line) for line in lines if line.startswith("{"))
        return tuple(
            Queued(e["queue_id"], e["queue_name"], tuple(r["address"] for r in e["recipients"])) for e in entries
        )

    def flush(self, queue_id: str = "") -> None:
        """Tries this message now, or all deferred mail."""
        self._command("postqueue", *(("-i", queue_id) if queue_id else ("-f",)))

    def requeue(self) -> None:
        """postsuper -r: every message gets a new queue id and one more Received field on top."""
        self._command("postsuper", "-r", "ALL")

    def log_text(self) -> str:
        log = self.folder / "log/mail.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def _command(self, name: str, *words: str) -> str:
        """What it prints. Into a file: the daemons that it leaves behind would keep a pipe open."""
        program = Path(_default("command_directory")) / name
        with tempfile.TemporaryFile("w+") as output:
            command = [str(program), "-c", str(self._conf), *words]
            subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, timeout=60, check=False)
            output.seek(0)
            return output.read()


@contextlib.contextmanager
def running(setup: Setup) -> Iterator[Postfix]:
    """A started instance; stopped, and its folder removed, at the end."""
    for attempt in range(START_TRIES):
        with tempfile.TemporaryDirectory(prefix="postfix-") as folder:
            postfix = Postfix(Path(folder), setup)
            postfix.configure()
            try:
                postfix.start()
            except RuntimeError:
                if attempt == START_TRIES - 1:
                    raise
                continue
            try:
                yield postfix
            finally:
                postfix.stop()
            return


def _each_once(main_cf: str) -> str:
    """The parameters, each with its last value. QUIRK: Postfix warns of every one that stands twice, in each process,
    and postlogd, which takes the log, then waits for itself once more than a few have piled up."""
    lines = (line for line in main_cf.splitlines() if line and not line.startswith("#"))
    parameters = dict(line.split(" =", 1) for line in lines)
    return "".join(f"{name} ={value}\n" for name, value in parameters.items())


def _service(domain: str) -> str:
    """The name of the domain's service in master.cf; its parameters carry it too."""
    return "to-" + domain.replace(".", "-")


def _of_transport(service: str, route: Route) -> str:
    """Parameters as conf/postfix/main.cf has them."""
    match route:
        case Pipe():
            return f"{service}_time_limit = {route.time_limit_seconds}s\n"
        case Lmtp():
            return f"{service}_destination_concurrency_failed_cohort_limit = 100\n"


def _next_hop(route: Route) -> str:
    return f":unix:{route.socket}" if isinstance(route, Lmtp) else ":"


def _master_line(domain: str, route: Route) -> str:
    match route:
        case Pipe():
            return (
                f"{_service(domain)} unix - n n - {route.max_processes} pipe\n"
                f"  user={route.user} null_sender=\n  argv={route.argv}\n"
            )
        case Lmtp():
            return (
                f"{_service(domain)} unix - - n - {route.max_processes} lmtp\n"
                "  -o lmtp_line_length_limit=0 -o lmtp_send_xforward_command=yes\n"
            )


def _default(parameter: str) -> str:
    """Where this system's Postfix has its programs."""
    done = subprocess.run(
        ["/usr/sbin/postconf", "-dh", parameter], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
