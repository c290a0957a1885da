"""What mda-pipe believes: every reply at every step, and the exit status and text that come of it."""

import random

import pytest

from tests.unit.pipe.program import Program
from tests.unit.pipe.scripted_server import Act, Answer, Script, serving

TWO = ("a@here.example", "b@here.example")
THREE = (*TWO, "c@here.example")
SAVED = b"250 2.0.0 Saved\r\n"

BEFORE_THE_MAIL = ("CONNECT", "LHLO", "XFORWARD")
ABOUT_THE_MAIL = ("MAIL", "RCPT", "DATA", "END")


def status_and_code(program: Program, *answers: tuple[str, tuple[Answer, ...]], **run: object) -> tuple[int, str]:
    """The exit status and the first word printed."""
    with serving(Script(dict(answers))) as server:
        ended = program.run(server.path, "--queue-id", "4gXyz", **run)  # type: ignore[arg-type]
    return ended.status, ended.output.split(b" ")[0].decode()


@pytest.mark.parametrize("step", ABOUT_THE_MAIL)
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (b"451 4.3.0 later\r\n", (75, "4.3.0")),
        (b"452 4.2.2 mailbox is full\r\n", (75, "4.2.2")),
        (b"421 4.3.2 shutting down\r\n", (75, "4.3.2")),
        (b"450 no enhanced status\r\n", (75, "4.3.0")),
        (b"550 5.1.1 no such mailbox here\r\n", (67, "5.1.1")),
        (b"501 5.1.3 not an address\r\n", (67, "5.1.3")),
        (b"552 5.3.4 too large\r\n", (65, "5.3.4")),
        (b"554 5.6.0 broken\r\n", (65, "5.6.0")),
        (b"550 5.7.1 policy\r\n", (77, "5.7.1")),
        (b"550 5.2.1 disabled\r\n", (69, "5.2.1")),
        (b"552 5.2.2 full\r\n", (69, "5.2.2")),
        (b"554 5.4.6 loop\r\n", (69, "5.4.6")),
        (b"550 no enhanced status\r\n", (69, "5.0.0")),
        (b"550-5.1.1 no such\r\n550 5.1.1 mailbox\r\n", (67, "5.1.1")),
        (b"550 5.1.1\r\n", (67, "5.1.1")),
        # Not about the mail: our two programs disagree.
        (b"500 5.5.2 syntax\r\n", (75, "4.5.0")),
        (b"501 5.5.4 parameter\r\n", (75, "4.5.0")),
        (b"503 5.5.1 sequence\r\n", (75, "4.5.0")),
        (b"530 5.7.0 who are you\r\n", (75, "4.5.0")),
        (b"521 5.3.2 no mail here\r\n", (75, "4.5.0")),
        (b"220 2.0.0 odd\r\n", (75, "4.5.0")),
        (b"252 2.0.0 perhaps\r\n", (75, "4.5.0")),
        (b"334 more\r\n", (75, "4.5.0")),
        # Not a reply.
        (b"250 4.2.0 which of the two\r\n", (75, "4.5.0")),
        (b"550 4.1.1 which of the two\r\n", (75, "4.5.0")),
        (b"450 5.1.1 which of the two\r\n", (75, "4.5.0")),
        (b"250\r\n", (75, "4.5.0")),
        (b"250_2.0.0 ok\r\n", (75, "4.5.0")),
        (b"250 2.0.0 bare line feed\n", (75, "4.5.0")),
        (b"250 2.0.0 a\rb\r\n", (75, "4.5.0")),
        (b"250 2.0.0 a\0b\r\n", (75, "4.5.0")),
        (b"250-2.0.0 a\r\n550 5.0.0 b\r\n", (75, "4.5.0")),
        (b"150 what\r\n", (75, "4.5.0")),
        (b"650 what\r\n", (75, "4.5.0")),
        (b"2x0 what\r\n", (75, "4.5.0")),
        (b"\r\n", (75, "4.5.0")),
        (b"250 " + b"x" * 3000 + b"\r\n", (75, "4.5.0")),
        (b"550 " + b"x" * 3000, (75, "4.5.0")),
        (b"250-x\r\n" * 200 + b"250 x\r\n", (75, "4.5.0")),
    ],
)
def test_reply_about_the_mail(program: Program, step: str, reply: bytes, expected: tuple[int, str]) -> None:
    assert status_and_code(program, (step, (reply,))) == expected


@pytest.mark.parametrize("step", BEFORE_THE_MAIL)
@pytest.mark.parametrize(
    "reply",
    [
        b"554 5.7.1 go away\r\n",
        b"550 5.1.1 no\r\n",
        b"421 4.3.2 busy\r\n",
        b"451 4.3.0 no\r\n",
        b"354 odd\r\n",
        b"x\r\n",
    ],
)
def test_reply_before_the_mail_is_never_permanent(program: Program, step: str, reply: bytes) -> None:
    assert status_and_code(program, (step, (reply,)))[0] == 75


@pytest.mark.parametrize("reply", [b"554 5.5.1 no\r\n", b"554 5.5.0 no\r\n"])
def test_protocol_status_counts_only_after_the_message(program: Program, reply: bytes) -> None:
    for step in ("MAIL", "RCPT", "DATA"):
        assert status_and_code(program, (step, (reply,)))[0] == 75
    assert status_and_code(program, ("END", (reply,)))[0] == 65


@pytest.mark.parametrize("step", ["RCPT", "END"])
@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((b"250 2.1.5 a\r\n", b"250 2.1.5 b\r\n"), 0),
        ((b"550 5.1.1 a\r\n", b"550 5.2.1 b\r\n"), 67),
        ((b"550 5.2.1 a\r\n", b"550 5.1.1 b\r\n"), 69),
        ((b"250 2.1.5 a\r\n", b"550 5.1.1 b\r\n"), 75),
        ((b"550 5.1.1 a\r\n", b"250 2.1.5 b\r\n"), 75),
        ((b"250 2.1.5 a\r\n", b"451 4.3.0 b\r\n"), 75),
        ((b"550 5.1.1 a\r\n", b"451 4.3.0 b\r\n"), 75),
        ((b"250 2.1.5 a\r\n", Act.DROP), 75),
        ((b"550 5.1.1 a\r\n", Act.DROP), 75),
    ],
)
def test_two_recipients(program: Program, step: str, answers: tuple[Answer, ...], expected: int) -> None:
    assert status_and_code(program, (step, answers), recipients=TWO)[0] == expected


@pytest.mark.parametrize("step", ["RCPT", "END"])
def test_mixture_names_the_setting(program: Program, step: str) -> None:
    with serving(Script({step: (b"250 2.1.5 a\r\n", b"550 5.1.1 b\r\n")})) as server:
        ended = program.run(server.path, recipients=TWO)
    assert ended.output.startswith(b"4.3.5 ")
    assert b"set <transport>_destination_recipient_limit=1" in ended.output


def test_a_refused_recipient_stops_the_message(program: Program) -> None:
    with serving(Script({"RCPT": (b"250 2.1.5 a\r\n", b"451 4.3.0 b\r\n")})) as server:
        assert program.run(server.path, recipients=TWO).status == 75
    assert server.heard.commands[-1] == "QUIT"
    assert "DATA" not in server.heard.commands


@pytest.mark.parametrize(
    "answers",
    [
        {"END": (SAVED + SAVED,)},
        {"END": (SAVED, SAVED, SAVED + SAVED)},
        {"END": (SAVED, SAVED + SAVED, b"451 4.3.0 not saved\r\n")},
        {"DATA": (b"354 go\r\n" + SAVED,), "END": (SAVED, SAVED, b"451 4.3.0 not saved\r\n")},
        {"RCPT": (b"250 2.1.5 a\r\n" + SAVED,)},
        {"CONNECT": (b"220 a\r\n220 b\r\n",)},
        {"QUIT": (SAVED,)},
        {"QUIT": (b"221 bye",)},
    ],
)
def test_a_reply_too_many_is_never_success(program: Program, answers: dict[str, tuple[Answer, ...]]) -> None:
    """One stray line shifts all that follow: the last recipient would count as delivered on another's reply."""
    with serving(Script(answers)) as server:
        ended = program.run(server.path, recipients=THREE)
    expected = 0 if answers.get("QUIT") == (b"221 bye",) else 75
    assert ended.status == expected


def test_success_stays_if_the_line_drops_then(program: Program) -> None:
    assert status_and_code(program, ("QUIT", (Act.DROP,)))[0] == 0


def test_log_text_holds_only_printable_ascii(program: Program) -> None:
    with serving(Script({"END": ("250 2.0.0 <u@x> Saved żółw \x1b[0m 5.1.1\r\n".encode(),)})) as server:
        assert program.run(server.path).output == b"Saved ??????w ?[0m 5.1.1\n"
    with serving(Script({"END": (b"250 2.0.0 5.1.1 is no status here\r\n",)})) as server:
        assert program.run(server.path).output == b"250 5.1.1 is no status here\n"


def octets_of_a_run(program: Program) -> int:
    with serving() as server:
        program.run(server.path, "--queue-id", "4gXyz", recipients=TWO)
    return server.heard.octets_said


def test_replies_cut_at_every_octet(program: Program) -> None:
    """Success only once the last recipient's reply is whole; what is cut of 221 does not matter."""
    total = octets_of_a_run(program)
    farewell = len(b"221 2.0.0 bye\r\n")
    for octets in range(0, total, 7 if program.is_sanitised else 1):
        with serving(Script(octets_until_drop=octets)) as server:
            ended = program.run(server.path, "--queue-id", "4gXyz", recipients=TWO)
        assert (ended.status == 0) == (octets >= total - farewell), (octets, ended)


@pytest.mark.parametrize("step", [*BEFORE_THE_MAIL, *ABOUT_THE_MAIL])
def test_garbage(program: Program, step: str) -> None:
    """Random octets are no reply, so they are never more than a deferral."""
    for seed in range(5 if program.is_sanitised else 20):
        chance = random.Random(seed)
        garbage = bytes(chance.choices(b"25 -.01\r\n\0\xff", k=chance.randrange(1, 5000))) + b"\r\n"
        assert status_and_code(program, (step, (garbage, Act.DROP)))[0] == 75, garbage
