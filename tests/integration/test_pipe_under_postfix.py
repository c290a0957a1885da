"""mda-pipe under the real pipe(8): every way to fail ends deferred, or in the 5.x.x that the MDA gave.

The MDA's side is a scripted LMTP server, so that each failure can be had; the real MDA is tested elsewhere.
"""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.postfix import Lmtp, Pipe, Postfix, Route, Setup, running
from tests.requirements import require_postfix
from tests.unit.pipe.program import ROOT, build
from tests.unit.pipe.scripted_server import Act, Answer, Script, ScriptedServer, serving

pytestmark = pytest.mark.postfix

RAW = (
    b"X-Start: here\r\nFrom: <from@there.test>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
    b"Message-ID: <1@there.test>\r\n\r\nHello\r\n.dot\r\n"
)
"""Complete, so that Postfix adds nothing behind X-Start."""


@dataclass(frozen=True, slots=True)
class Case:
    """A way to end, and what Postfix must make of it. `argv` knows {program} and {socket}."""

    name: str
    expected: tuple[str, str]
    answers: tuple[tuple[str, tuple[Answer, ...]], ...] = ()
    argv: str = "{program} --socket {socket} --deadline 20 -f ${{sender}} -- ${{recipient}}"
    kill: signal.Signals | None = None
    """Sent to mda-pipe once the server has reached the step at which it hangs."""
    recipients: int = 1


def at(step: str, *answers: Answer) -> tuple[tuple[str, tuple[Answer, ...]], ...]:
    return ((step, answers),)


def hanging(name: str, step: str, *answers: Answer, kill: signal.Signals) -> Case:
    dsn = "4.3.0" if kill in (signal.SIGKILL, signal.SIGSEGV) else "4.3.2"
    return Case(name, ("deferred", dsn), at(step, *answers, Act.HANG), kill=kill)


DEADLINE = "{program} --socket {socket} --deadline 1 -f ${{sender}} -- ${{recipient}}"

CASES = (
    Case("sent", ("sent", "2.0.0")),
    # The MDA refuses for good.
    Case("unknown", ("bounced", "5.1.1"), at("RCPT", b"550 5.1.1 no such mailbox here\r\n")),
    Case("disabled", ("bounced", "5.2.1"), at("RCPT", b"550 5.2.1 disabled\r\n")),
    Case("full", ("bounced", "5.2.2"), at("END", b"552 5.2.2 full\r\n")),
    Case("large", ("bounced", "5.3.4"), at("MAIL", b"552 5.3.4 too large\r\n")),
    Case("content", ("bounced", "5.6.0"), at("END", b"554 5.6.0 broken\r\n")),
    Case("policy", ("bounced", "5.7.1"), at("END", b"550 5.7.1 no\r\n")),
    Case("loop", ("bounced", "5.4.6"), at("END", b"554 5.4.6 loop\r\n")),
    # The MDA can't now.
    Case("database", ("deferred", "4.3.0"), at("RCPT", b"451 4.3.0 not now\r\n")),
    Case("full-now", ("deferred", "4.2.2"), at("END", b"452 4.2.2 full\r\n")),
    Case("busy", ("deferred", "4.3.2"), at("CONNECT", b"421 4.3.2 busy\r\n")),
    Case("leaving", ("deferred", "4.3.2"), at("END", b"421 4.3.2 leaving\r\n")),
    # The MDA is wrong, or not the MDA.
    Case("greets-554", ("deferred", "4.5.0"), at("CONNECT", b"554 5.3.2 no\r\n")),
    Case("syntax", ("deferred", "4.5.0"), at("RCPT", b"500 5.5.2 what\r\n")),
    Case("garbage", ("deferred", "4.5.0"), at("END", b"\x00\xff garbage\r\n")),
    Case("out-of-step", ("deferred", "4.5.0"), at("QUIT", b"250 2.0.0 Saved\r\n")),
    Case("dies-first", ("deferred", "4.4.2"), at("CONNECT", Act.DROP)),
    Case("dies-last", ("deferred", "4.4.2"), at("END", Act.DROP)),
    Case("hangs-first", ("deferred", "4.4.2"), at("CONNECT", Act.HANG), argv=DEADLINE),
    Case("hangs-last", ("deferred", "4.4.2"), at("END", Act.HANG), argv=DEADLINE),
    # mda-pipe is stopped.
    hanging("sigterm", "RCPT", kill=signal.SIGTERM),
    hanging("sighup", "END", kill=signal.SIGHUP),
    hanging("sigalrm", "DATA", kill=signal.SIGALRM),
    hanging("sigkill", "END", kill=signal.SIGKILL),
    hanging("sigsegv", "END", kill=signal.SIGSEGV),
    # master.cf is wrong.
    Case("no-socket", ("deferred", "4.4.1"), argv="{program} --socket /nonexistent/s -f ${{sender}} -- ${{recipient}}"),
    Case("no-program", ("deferred", "4.3.0"), argv="/nonexistent/mda-pipe -f ${{sender}} -- ${{recipient}}"),
    Case("no-options", ("deferred", "4.3.5"), argv="{program}"),
    Case("no-dashes", ("deferred", "4.3.5"), argv="{program} -f ${{sender}} ${{recipient}}"),
    Case("misspelt", ("deferred", "4.3.5"), argv="{program} --sokcet {socket} -f ${{sender}} -- ${{recipient}}"),
    Case(
        "not-as-long",
        ("deferred", "4.3.0"),
        argv="{program} --socket {socket} --size 12345 --size-exact -f ${{sender}} -- ${{recipient}}",
    ),
    Case("mixed", ("deferred", "4.3.5"), at("END", b"250 2.0.0 a\r\n", b"550 5.1.1 b\r\n"), recipients=2),
    Case("all-unknown", ("bounced", "5.1.1"), at("RCPT", *[b"550 5.1.1 no\r\n"] * 2), recipients=2),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """The one instance of this module, and the server behind each domain."""

    postfix: Postfix
    servers: dict[str, ScriptedServer]


EXACT = "{program} --socket {socket} --size ${{size}} --size-exact -f ${{sender}} -- ${{recipient}}"
TRANSPORTS = ("pipe.test", "lmtp.test", "exact.test", "killed.test")
FRAGMENT_DOMAINS = ("example.org", "example.net")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    require_postfix()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="under-")))
        folder.chmod(0o755)
        program = build(folder, "plain")
        servers = {f"{case.name}.test": serve(stack, Script(dict(case.answers))) for case in CASES}
        servers |= {domain: serve(stack, Script()) for domain in (*TRANSPORTS, *FRAGMENT_DOMAINS[:1])}

        def pipe(domain: str, argv: str, limit: int = 1) -> Route:
            return Pipe(argv.format(program=program, socket=servers[domain].path), recipient_limit=limit)

        routes = {f"{case.name}.test": pipe(f"{case.name}.test", case.argv, case.recipients) for case in CASES}
        routes |= {domain: pipe(domain, EXACT) for domain in TRANSPORTS}
        routes["lmtp.test"] = Lmtp(servers["lmtp.test"].path)
        main_cf, master_cf = fragments(program, servers["example.org"].path)
        yield Stage(stack.enter_context(running(Setup(routes, main_cf, master_cf))), servers)


def serve(stack: ExitStack, script: Script) -> ScriptedServer:
    """A server whose socket Postfix's users can reach."""
    server = stack.enter_context(serving(script))
    server.path.parent.chmod(0o755)
    server.path.chmod(0o777)
    return server


def fragments(program: Path, socket: Path) -> tuple[str, str]:
    """conf/postfix as an admin would use it: example.org by LMTP, and example.net by pipe."""

    def read(name: str) -> str:
        text = (ROOT / "conf/postfix" / name).read_text()
        assert "/run/mda/lmtp.sock" in text
        text = text.replace("/run/mda/lmtp.sock", str(socket)).replace("/usr/local/libexec/mda-pipe", str(program))
        return text.replace("user=nobody:mda", "user=nobody")

    by_pipe = "transport_maps = inline:{ example.net=mda-pipe: } texthash:$config_directory/transport\n"
    return read("main.cf") + "virtual_mailbox_domains = example.org, example.net\n" + by_pipe, read("master.cf")


def test_every_way_to_end(stage: Stage) -> None:
    queue_ids = {}
    for case in CASES:
        recipients = [f"u{i}@{case.name}.test" for i in range(case.recipients)]
        queue_ids[case.name] = stage.postfix.send(recipients, RAW)
    for case in CASES:
        if case.kill is not None:
            server = stage.servers[f"{case.name}.test"]
            assert server.reached[case.answers[0][0]].wait(20), case.name
            os.kill(server.heard.peer_pid, case.kill)
    found = {}
    for case in CASES:
        for delivery in stage.postfix.wait_for(queue_ids[case.name], case.recipients):
            found[case.name] = (delivery.status, delivery.dsn)
    assert found == {case.name: case.expected for case in CASES}
    waiting = {entry.queue_id for entry in stage.postfix.queue() if entry.queue_name == "deferred"}
    assert {queue_ids[case.name] for case in CASES if case.expected[0] == "deferred"} <= waiting


def test_log_says_where_it_was_saved(stage: Stage) -> None:
    queue_id = stage.postfix.send(["u@pipe.test"], RAW)
    (delivery,) = stage.postfix.wait_for(queue_id)
    assert "Saved id=17 shard=1" in delivery.text


def test_same_octets_by_either_transport(stage: Stage) -> None:
    """CRLF form, no line broken, no octet changed, whatever the lines look like."""
    awkward = b"".join(b"y" * length + b"\r\n" for length in (0, 1, 127, 128, 997, 998, 999, 2047, 2048, 2049, 5000))
    raw = RAW + awkward + "żółw\r\n.\r\n..\r\n a\rb\r\n".encode()
    tails = []
    for domain in ("pipe.test", "lmtp.test"):
        queue_id = stage.postfix.send([f"u@{domain}"], raw)
        assert stage.postfix.wait_for(queue_id)[0].status == "sent"
        heard = stage.servers[domain].conversations[-1]
        tails.append(heard.message[heard.message.index(b"X-Start:") :])
    assert tails[0] == tails[1]
    assert awkward in tails[0]


def test_exact_size_is_exact(stage: Stage) -> None:
    """Postfix's own ${size} against ours, for lines around each length at which the count changes."""
    lines = [b"z" * length for length in (0, 1, 126, 127, 128, 129, 2046, 2047, 2048, 2049, 4095, 4096, 4097, 9000)]
    for count in (1, len(lines)):
        raw = RAW + b"\r\n".join(lines[:count]) + b"\r\n"
        queue_id = stage.postfix.send(["u@exact.test"], raw)
        (delivery,) = stage.postfix.wait_for(queue_id)
        assert delivery.status == "sent", delivery


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ('"q s"@pipe.test', '"q s"@pipe.test'),
        ('"a\\"b"@pipe.test', r'"a\"b"@pipe.test'),
        ('"$(id)"@pipe.test', '"$(id)"@pipe.test'),
        ("a|b@pipe.test", "a|b@pipe.test"),
        ('"../../etc/passwd x"@pipe.test', '"../../etc/passwd x"@pipe.test'),
        ("żółw@pipe.test", "żółw@pipe.test"),
    ],
)
def test_addresses_arrive_intact(stage: Stage, address: str, said: str) -> None:
    queue_id = stage.postfix.send([address], RAW, sender="", utf8=not address.isascii())
    assert stage.postfix.wait_for(queue_id)[0].status == "sent"
    commands = stage.servers["pipe.test"].conversations[-1].commands
    assert f"RCPT TO:<{said}>" in commands
    assert any(command.startswith("MAIL FROM:<>") for command in commands)


def test_killed_pipe_delivers_once_and_whole(stage: Stage) -> None:
    """kill -9 of pipe(8) while it writes: mda-pipe sees a plain end of file and must not take it for the end."""
    server = stage.servers["killed.test"]
    raw = RAW + b"".join(b"line %d\r\n" % i for i in range(300_000))
    server.pause_collecting.set()
    queue_id = stage.postfix.send(["u@killed.test"], raw)
    assert server.reached["DATA"].wait(20)
    pipe_pid = parent_of(server.heard.peer_pid)
    assert Path(f"/proc/{pipe_pid}/comm").read_text() == "pipe\n"
    os.kill(pipe_pid, signal.SIGKILL)
    server.pause_collecting.clear()
    for _ in range(60):
        stage.postfix.flush(queue_id)
        time.sleep(0.25)
        if any(delivery.queue_id == queue_id for delivery in stage.postfix.deliveries()):
            break
    assert stage.postfix.wait_for(queue_id)[-1].status == "sent"
    complete = [heard for heard in server.conversations if heard.is_complete]
    assert len(server.conversations) == 2
    assert len(complete) == 1
    assert complete[0].message.endswith(raw[len(RAW) :])


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


@pytest.mark.parametrize("domain", FRAGMENT_DOMAINS)
def test_shipped_configuration(stage: Stage, domain: str) -> None:
    """conf/postfix as it stands, but for the paths: either transport delivers and names the queue id."""
    queue_id = stage.postfix.send([f"u+detail@{domain}"], RAW)
    (delivery,) = stage.postfix.wait_for(queue_id)
    assert (delivery.status, delivery.relay.split("[")[0]) == (
        "sent",
        {"example.org": stage.postfix.host_name, "example.net": "mda-pipe"}[domain],
    )
    heard = stage.servers["example.org"].conversations[-1]
    assert any(command.startswith("XFORWARD") and f"IDENT={queue_id}" in command for command in heard.commands)
    assert f"RCPT TO:<u+detail@{domain}>" in heard.commands
    assert "unused parameter" not in stage.postfix.log_text()
