"""Expunged mail: brought back within its window, dead after it; held, purged, and gone from the shard's files."""

from collections.abc import Callable

from sqlalchemy import Engine, text

from mda.address import parse
from mda.metadata.directory import accounts
from tests.unit.cli.conftest import System
from tests.unit.maintenance.conftest import age_seals, shard_bytes, shard_root
from tests.unit.metadata.rows import assert_sums

ANNE = "anne@example.org"
Mail = Callable[..., None]
AT_ONCE = ("storage", "compact", "--remove-after", "0")


def subjects(system: System, mailbox: str = "INBOX") -> list[str]:
    return [one["subject"] for one in system.listed("message", "list", ANNE, "--mailbox", mailbox)]


def lengthen_ago(engine: Engine, days: int) -> None:
    """Makes what was expunged look older."""
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE expunged SET expunged_at = expunged_at - interval '{days} days'"))


def count(engine: Engine, table: str) -> int:
    with engine.begin() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_expunged_comes_back_with_flags_under_a_new_uid(anne: System, mail: Mail, engine: Engine) -> None:
    for subject in ("one", "invoice two", "three"):
        mail(subject)
    with engine.begin() as connection:
        connection.execute(text("UPDATE message SET flags = 6, keywords = '{$Forwarded}' WHERE uid = 2"))
        connection.execute(text("UPDATE message SET flags = flags | 8"))
    anne.done("message", "expunge", ANNE, "INBOX:1", "INBOX:2", "INBOX:3")
    dry = anne.run("undelete", ANNE, "--query", "INVOICE", "--dry-run")
    assert dry.stdout == "INBOX:2\tinvoice two\n"
    assert subjects(anne) == []
    assert anne.done("undelete", ANNE, "--query", "INVOICE") == "restored INBOX:4\n"
    (back,) = anne.listed("message", "list", ANNE)
    assert (back["uid"], back["subject"]) == (4, "invoice two")
    assert back["flags"] == ["\\Answered", "\\Flagged", "$Forwarded"]
    assert anne.done("undelete", ANNE) == "restored INBOX:5\nrestored INBOX:6\n"
    assert anne.done("undelete", ANNE) == "", "nothing comes back twice"
    assert anne.run("message", "raw", ANNE, "INBOX:4").stdout_bytes.endswith(b"Dear Anne\r\n")
    assert_sums(engine, accounts.find(engine, parse(ANNE)).id)


def test_undelete_by_mailbox_and_time_and_not_what_was_moved(anne: System, mail: Mail, engine: Engine) -> None:
    for subject in ("one", "two", "old"):
        mail(subject)
    anne.done("mailbox", "create", ANNE, "Work/2026")
    anne.done("message", "move", ANNE, "INBOX:1", "Work/2026")
    anne.done("message", "expunge", ANNE, "INBOX:3")
    lengthen_ago(engine, 3)
    anne.done("message", "expunge", ANNE, "INBOX:2")
    anne.done("mailbox", "delete", ANNE, "Work/2026", "--yes")
    assert anne.done("undelete", ANNE, "--dry-run") == "INBOX:2\ttwo\nINBOX:3\told\nWork/2026:1\tone\n"
    assert anne.done("undelete", ANNE, "--since", "1d", "--mailbox", "INBOX") == "restored INBOX:4\n"
    assert anne.done("undelete", ANNE, "--since", "1d") == "restored Work/2026:1\n", "its mailbox is made again"
    assert (subjects(anne), subjects(anne, "Work/2026")) == (["two"], ["one"])
    assert_sums(engine, accounts.find(engine, parse(ANNE)).id)


def test_after_the_window_the_body_is_dead_and_leaves_the_shard(anne: System, mail: Mail, engine: Engine) -> None:
    mail("kept", text="k" * 200)
    mail("gone", text="UNIQUE-WORDS " * 200)
    anne.done("message", "expunge", ANNE, "INBOX:2")
    lengthen_ago(engine, 29)
    anne.done(*AT_ONCE)
    assert count(engine, "content") == 2
    assert "restored" in anne.done("undelete", ANNE)
    anne.done("message", "expunge", ANNE, "INBOX:3")
    lengthen_ago(engine, 31)
    assert "expired 2 expunged messages; purged 1 contents" in anne.done(*AT_ONCE)
    assert anne.done("undelete", ANNE) == ""
    age_seals(shard_root(anne))
    assert "live" in anne.done(*AT_ONCE)
    assert b"UNIQUE-WORDS" not in shard_bytes(shard_root(anne))
    assert b"k" * 200 in anne.run("message", "raw", ANNE, "INBOX:1").stdout_bytes
    with engine.begin() as connection:
        floor, modseq = connection.execute(text("SELECT vanished_floor, modseq FROM mailbox")).one()
    assert 0 < floor <= modseq


def test_window_of_an_account_is_its_own(anne: System, mail: Mail, engine: Engine) -> None:
    mail()
    anne.done("message", "expunge", ANNE, "INBOX:1")
    lengthen_ago(engine, 40)
    assert "90 days" in anne.done("account", "retention", ANNE, "90")
    assert "expired 0" in anne.done(*AT_ONCE)
    anne.done("account", "retention", ANNE, "default")
    assert "expired 1" in anne.done(*AT_ONCE)
    assert "no number of days" in anne.refused("account", "retention", ANNE, "soon")


def test_hold_keeps_everything_until_it_is_lifted(anne: System, mail: Mail, engine: Engine) -> None:
    mail("evidence")
    mail("more")
    anne.done("message", "expunge", ANNE, "INBOX:1")
    lengthen_ago(engine, 400)
    anne.done("account", "hold", ANNE, "--reason", "case 4711")
    assert "expired 0 expunged messages; purged 0" in anne.done(*AT_ONCE)
    for refused in (("message", "purge", ANNE, "INBOX:2"), ("account", "delete", ANNE, "--purge")):
        error = anne.refused(*refused, "--yes")
        assert "under a legal hold since" in error
        assert "case 4711" in error
        assert "mda account hold anne@example.org --lift" in error
    assert anne.listed("account", "list")[0]["state"] == "active"
    assert "restored" in anne.done("undelete", ANNE)
    assert "lifted" in anne.done("account", "hold", ANNE, "--lift")
    assert "was not held" in anne.done("account", "hold", ANNE, "--lift")
    anne.done("account", "delete", ANNE, "--purge", "--yes")


def test_purged_message_is_nowhere(anne: System, mail: Mail, engine: Engine) -> None:
    mail("secret", text="SECRET-PLAN " * 300)
    mail("kept", text="k" * 2000)
    mail("expunged", text="SECRET-TOO " * 300)
    name = anne.listed("message", "list", ANNE)[0]["id"]
    anne.done("spam", "learn", ANNE, "--ham", "INBOX:1")
    anne.done("message", "expunge", ANNE, "INBOX:3")
    age_seals(shard_root(anne))
    assert b"SECRET-PLAN" in shard_bytes(shard_root(anne))
    assert "purged 2 messages" in anne.done("message", "purge", ANNE, "INBOX:1", name, "--yes")
    assert anne.done("undelete", ANNE) == ""
    anne.done(*AT_ONCE)
    assert b"SECRET" not in shard_bytes(shard_root(anne))
    assert [count(engine, table) for table in ("content", "mark", "purged")] == [1, 0, 0]
    assert b"k" * 2000 in anne.run("message", "raw", ANNE, "INBOX:2").stdout_bytes
    assert "no message" in anne.refused("message", "purge", ANNE, name, "--yes")
    assert_sums(engine, accounts.find(engine, parse(ANNE)).id)


def test_one_recipients_purge_leaves_the_others_copy(anne: System) -> None:
    anne.done("account", "add", "bob@example.org")
    raw = b"Subject: both\r\n\r\n" + b"shared words " * 100
    anne.done("deliver", "-f", "", ANNE, "bob@example.org", answer=raw)
    age_seals(shard_root(anne))
    anne.done("account", "delete", ANNE, "--purge", "--yes")
    anne.done(*AT_ONCE)
    assert anne.run("message", "raw", "bob@example.org", "INBOX:1").stdout_bytes == raw
    age_seals(shard_root(anne))
    anne.done("account", "delete", "bob@example.org", "--purge", "--yes")
    anne.done(*AT_ONCE)
    assert b"shared words" not in shard_bytes(shard_root(anne))
