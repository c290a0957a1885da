"""What mda-pipe says before DATA: addresses, parameters, extensions."""

from pathlib import Path

import pytest

from tests.unit.pipe.program import MESSAGE, RECIPIENT, Ended, Program
from tests.unit.pipe.scripted_server import ALL_KEYWORDS, Script, serving


def heard_commands(
    program: Program, *options: str, keywords: tuple[str, ...] = ALL_KEYWORDS, **run: object
) -> list[str]:
    """The commands of a successful run, without LHLO."""
    with serving(Script(keywords=keywords)) as server:
        assert program.run(server.path, *options, **run).status == 0  # type: ignore[arg-type]
    assert server.heard.commands[0].startswith("LHLO ")
    return server.heard.commands[1:]


def run_with(program: Program, socket: Path, address: str, is_sender: bool) -> Ended:
    """A run in which `address` is the sender or the recipient."""
    return program.run(socket, "-f", address) if is_sender else program.run(socket, recipients=(address,))


def test_plain_delivery(program: Program) -> None:
    with serving() as server:
        ended = program.run(server.path)
    assert ended.status == 0
    assert ended.output == b"Saved id=17 shard=1\n"
    assert server.heard.commands[1:] == [
        "MAIL FROM:<from@there.example> BODY=8BITMIME",
        "RCPT TO:<u@here.example>",
        "DATA",
        "QUIT",
    ]
    assert server.heard.is_complete
    assert server.heard.message == MESSAGE.replace(b"\n", b"\r\n")


def test_server_without_extensions(program: Program) -> None:
    commands = heard_commands(program, "--queue-id", "4XYZ", "--size", "41", "--size-exact", keywords=())
    assert commands == ["MAIL FROM:<from@there.example>", "RCPT TO:<u@here.example>", "DATA", "QUIT"]


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        ("u@here.example", "u@here.example"),
        ("u+detail@here.example", "u+detail@here.example"),
        ("q s@here.example", '"q s"@here.example'),
        ('"q s"@here.example', r'"\"q s\""@here.example'),
        ('a"b@here.example', r'"a\"b"@here.example'),
        ("a\\b@here.example", r'"a\\b"@here.example'),
        ("a@b@here.example", '"a@b"@here.example'),
        ("a>b@here.example", '"a>b"@here.example'),
        (".a@here.example", '".a"@here.example'),
        ("a.@here.example", '"a."@here.example'),
        ("a..b@here.example", '"a..b"@here.example'),
        ("a.b@here.example", "a.b@here.example"),
        ("@here.example", '""@here.example'),
        ("-u@here.example", "-u@here.example"),
        ("$(id)@here.example", '"$(id)"@here.example'),
        ("a|b@here.example", "a|b@here.example"),
        ("../../etc/passwd@here.example", '"../../etc/passwd"@here.example'),
        ("u@[192.0.2.1]", "u@[192.0.2.1]"),
        ("u@[IPv6:2001:db8::1]", "u@[IPv6:2001:db8::1]"),
    ],
)
def test_local_parts_are_quoted(program: Program, passed: str, said: str) -> None:
    """RFC 5321 s4.1.2; pipe(8) takes the quotes off, so quotes that arrive are part of the name."""
    commands = heard_commands(program, recipients=(passed,))
    assert commands[1] == f"RCPT TO:<{said}>"


@pytest.mark.parametrize("sender", ["", "MAILER-DAEMON"])
def test_null_sender(program: Program, sender: str) -> None:
    assert heard_commands(program, "-f", sender)[0] == "MAIL FROM:<> BODY=8BITMIME"


def test_mailer_daemon_with_a_domain_is_an_address(program: Program) -> None:
    assert heard_commands(program, "-f", "MAILER-DAEMON@x.example")[0].startswith("MAIL FROM:<MAILER-DAEMON@x.example>")


@pytest.mark.parametrize("recipient", ["żółw@here.example", "u@żółw.example"])
def test_smtputf8(program: Program, recipient: str) -> None:
    commands = heard_commands(program, recipients=(recipient,))
    assert commands[0].endswith(" SMTPUTF8")
    assert commands[1] == f"RCPT TO:<{recipient}>"


@pytest.mark.parametrize("address", ["żółw@here.example", "u@żółw.example"])
@pytest.mark.parametrize("is_sender", [True, False])
def test_smtputf8_not_offered(program: Program, address: str, is_sender: bool) -> None:
    with serving(Script(keywords=("PIPELINING", "8BITMIME"))) as server:
        ended = (
            program.run(server.path, "-f", address) if is_sender else program.run(server.path, recipients=(address,))
        )
    assert (ended.status, ended.output[:6]) == (75, b"4.6.7 ")
    assert not any(command.startswith("MAIL") for command in server.heard.commands)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("a\rb@here.example", "control"),
        ("a\nRCPT TO:<victim@here.example>", "control"),
        ("a@here.example\r\nDATA", "control"),
        ("a\x7fb@here.example", "control"),
        ("a\u0085b@here.example", "control"),
        ("a\u2028b@here.example", "control"),
        (b"a\xffb@here.example", "UTF-8"),
        (b"a\xc0\x80b@here.example", "UTF-8"),
        (b"a\xed\xa0\x80b@here.example", "UTF-8"),
        (b"a\xf4\x90\x80\x80b@here.example", "UTF-8"),
        (b"a@here.example\xe2\x82", "UTF-8"),
        ("nobody", "domain"),
        ("nobody@", "domain"),
        ("a@here.example> SIZE=1", "domain"),
        ("a@b c", "domain"),
        (f"{'a' * 1000}@here.example", "long"),
        (f"{'a ' * 250}@here.example", "long"),
    ],
)
@pytest.mark.parametrize("is_sender", [True, False])
def test_inexpressible_addresses_are_deferred(
    program: Program, address: str | bytes, why: str, is_sender: bool
) -> None:
    """They would be command injection. A map of our own may be at fault, so the mail waits and does not bounce."""
    text = address if isinstance(address, str) else address.decode(errors="surrogateescape")
    with serving() as server:
        ended = run_with(program, server.path, text, is_sender)
    assert ended.output.startswith(b"4.1.7 the sender" if is_sender else b"4.1.3 the recipient")
    assert why in ended.output.decode()
    assert len(server.heard.commands) == 1


def test_longest_address(program: Program) -> None:
    local = "a" * (1000 - 2 - len("@here.example")) + "@here.example"
    half = '"' * ((1000 - 2 - len("@here.example")) // 2)
    assert heard_commands(program, recipients=(f"{half}@here.example",))[1].count('\\"') == len(half)
    with serving() as server:
        assert program.run(server.path, recipients=(local,)).status == 75


def test_queue_id_as_xforward(program: Program) -> None:
    assert heard_commands(program, "--queue-id", "4gXyz+1")[0] == "XFORWARD IDENT=4gXyz+2B1"


@pytest.mark.parametrize("keyword", ["XFORWARD NAME ADDR", "XFORWARD IDENTITY", "XFORWARDIDENT"])
def test_xforward_without_ident(program: Program, keyword: str) -> None:
    assert heard_commands(program, "--queue-id", "4gXyz", keywords=(keyword,))[0].startswith("MAIL ")


def test_keywords_in_any_case(program: Program) -> None:
    commands = heard_commands(program, "--queue-id", "4gXyz", keywords=("xforward ident", "8bitmime", "x"))
    assert commands[:2] == ["XFORWARD IDENT=4gXyz", "MAIL FROM:<from@there.example> BODY=8BITMIME"]


def test_the_greeting_line_is_no_keyword(program: Program) -> None:
    with serving(Script({"LHLO": (b"250-8BITMIME\r\n250 x\r\n",)})) as server:
        assert program.run(server.path).status == 0
    assert server.heard.commands[1] == "MAIL FROM:<from@there.example>"


@pytest.mark.parametrize("keyword", ["DSN", "XORCPT"])
@pytest.mark.parametrize("form", [("--original-recipient", "o+1@x.example"), ("--original-recipient=o+1@x.example",)])
def test_original_recipient_where_it_is_taken(program: Program, form: tuple[str, ...], keyword: str) -> None:
    commands = heard_commands(program, *form, keywords=(keyword,))
    assert commands[1] == "RCPT TO:<u@here.example> ORCPT=rfc822;o+2B1@x.example"
    assert heard_commands(program, *form)[1] == "RCPT TO:<u@here.example>"


@pytest.mark.parametrize("original", ["", "żółw@x.example", "a\rb@x.example", "a" * 5000])
def test_original_recipient_that_is_left_out(program: Program, original: str) -> None:
    commands = heard_commands(program, "--original-recipient", original, keywords=("DSN",))
    assert commands[1] == "RCPT TO:<u@here.example>"


def test_originals_belong_to_recipients_in_order(program: Program) -> None:
    """What pipe(8) makes of --original-recipient=${original_recipient} for several recipients."""
    originals = [f"--original-recipient=o{i}@x.example" for i in range(3)]
    recipients = [f"r{i}@x.example" for i in range(3)]
    commands = heard_commands(program, *originals, keywords=("DSN",), recipients=recipients)
    assert commands[1:4] == [f"RCPT TO:<r{i}@x.example> ORCPT=rfc822;o{i}@x.example" for i in range(3)]


@pytest.mark.parametrize("keywords", [ALL_KEYWORDS, ()])
def test_a_thousand_recipients(program: Program, keywords: tuple[str, ...]) -> None:
    recipients = [f"r{i}@{'x' * 50}.example" for i in range(1000)]
    commands = heard_commands(program, recipients=recipients, keywords=keywords)
    assert commands[1:1001] == [f"RCPT TO:<{recipient}>" for recipient in recipients]


def test_more_recipients_are_deferred(program: Program) -> None:
    with serving() as server:
        ended = program.run(server.path, recipients=[RECIPIENT] * 1001)
    assert ended.output.startswith(b"4.3.5 too many recipients")


def test_size_never_exceeds_the_true_one(program: Program) -> None:
    """RFC 1870; Postfix's ${size} counts up to three octets a record more, and 552 would be permanent."""
    raw = b"x" * 127 + b"\n" + b"y" * 128 + b"\n"
    queue_size = 127 + 2 + 128 + 3
    commands = heard_commands(program, "--size", str(queue_size), "--size-exact", raw=raw)
    size = int(commands[0].split("SIZE=")[1].split()[0])
    assert 0 < size <= len(raw) + 2
    assert "SIZE" not in heard_commands(program, "--size", str(queue_size), raw=raw)[0]
