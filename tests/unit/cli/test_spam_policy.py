"""`mda spam policy`: what it sets decides the next delivery."""

from collections.abc import Callable

import pytest

from tests.unit.cli.conftest import System

OURS = "Authentication-Results: mx.example.org; dmarc=pass header.from=example.net\r\nReceived: by mx.example.org\r\n"
FORGED = "Received: by mx.example.org\r\nAuthentication-Results: mx.example.org; dmarc=pass header.from=example.net\r\n"


@pytest.fixture
def place(anne: System, mail: Callable[..., None]) -> Callable[..., str]:
    """Delivers a message, and says in which mailbox it is."""

    def deliver(**given: str) -> str:
        before = {name: len(_uids(anne, name)) for name in ("INBOX", "Junk")}
        mail(**given)
        return next(name for name in ("INBOX", "Junk") if len(_uids(anne, name)) > before[name])

    return deliver


def _uids(system: System, mailbox: str) -> list[str]:
    result = system.run("message", "list", "anne@example.org", "--mailbox", mailbox)
    return result.stdout.splitlines() if result.exit_code == 0 else []


def trust_milter(system: System) -> None:
    text = system.file.read_text()
    assert '#authserv_id = ""' in text
    system.file.write_text(text.replace('#authserv_id = ""', 'authserv_id = "mx.example.org"'))


def test_blocked_sender_goes_to_junk_of_those_who_block_it(anne: System, place: Callable[..., str]) -> None:
    assert place() == "INBOX"
    said = anne.done("spam", "policy", "block", "example.net", "--account", "anne@example.org")
    assert said == "block example.net for anne@example.org\n"
    assert place() == "Junk"
    assert place(sender="ben@lists.example.net") == "Junk"
    anne.done("spam", "policy", "remove", "example.net", "--account", "anne@example.org")
    assert place() == "INBOX"


def test_envelope_sender_is_blocked_too(anne: System, place: Callable[..., str]) -> None:
    anne.done("spam", "policy", "block", "ben@example.net")
    assert place(sender="other@example.com") == "Junk"


def test_nearest_rule_counts(anne: System, place: Callable[..., str]) -> None:
    trust_milter(anne)
    anne.done("spam", "policy", "block", "example.net", "--domain", "example.org")
    assert place(extra=OURS) == "Junk"
    anne.done("spam", "policy", "allow", "ben@example.net", "--account", "anne@example.org")
    assert place(extra=OURS) == "INBOX"


@pytest.mark.parametrize("extra", ["", FORGED, OURS.replace("mx.example.org;", "mx.example.com;")])
def test_allowing_takes_proof_of_our_own_milter(anne: System, place: Callable[..., str], extra: str) -> None:
    trust_milter(anne)
    anne.done("spam", "policy", "block", "example.net", "--domain", "example.org")
    anne.done("spam", "policy", "allow", "example.net", "--account", "anne@example.org")
    assert place(extra=extra) == "Junk"


def test_threshold_of_the_account_comes_before_its_domains(anne: System, place: Callable[..., str]) -> None:
    anne.done("spam", "policy", "set", "--domain", "example.org", "--threshold", "0.000001")
    assert place() == "Junk"
    said = anne.done("spam", "policy", "set", "--account", "anne@example.org", "--threshold", "1")
    assert said == "anne@example.org: threshold 1, spam goes to default\n"
    assert place() == "INBOX"
    anne.done("spam", "policy", "set", "--account", "anne@example.org", "--threshold", "default")
    assert place() == "Junk"


def test_spam_may_stay_in_the_inbox_with_its_mark(anne: System, place: Callable[..., str]) -> None:
    anne.done("spam", "policy", "block", "example.net")
    anne.done("spam", "policy", "set", "--account", "anne@example.org", "--spam-to", "inbox")
    assert place() == "INBOX"
    assert "X-MDA-Spam: yes" in anne.done("message", "raw", "--delivered", "anne@example.org", "INBOX:1")


def test_threshold_is_read_from_the_mail_that_was_kept(anne: System, mail: Callable[..., None]) -> None:
    share = ("--account", "anne@example.org", "--false-positives", "40%")
    for subject in ("Hello", "Cheap watches", "FREE MONEY!!!", "Lunch"):
        mail(subject=subject)
    assert "4 messages outside of Junk are too few" in anne.refused("spam", "policy", "set", *share)
    for subject in ("Minutes", "Click here now", "Re: Lunch", "Your invoice"):
        mail(subject=subject)
    anne.done("spam", "policy", "set", *share)
    scores = sorted(one["spam_score"] for one in anne.listed("message", "list", "anne@example.org"))
    shown = anne.done("spam", "policy", "set", "--account", "anne@example.org")
    assert threshold(shown) == pytest.approx(scores[-4], abs=1e-3)
    assert "(40 % of kept mail)" in shown


@pytest.mark.parametrize("scope", [("--account", "anne@example.org"), ("--domain", "example.org")])
def test_threshold_follows_the_mail_until_it_is_set(
    anne: System, mail: Callable[..., None], scope: tuple[str, str]
) -> None:
    for subject in ("Hello", "Cheap watches", "FREE MONEY!!!", "Lunch", "Minutes", "Click here now", "Your invoice"):
        mail(subject=subject)
    first = threshold(anne.done("spam", "policy", "set", *scope, "--false-positives", "45%"))
    anne.done("spam", "trainer", "--once")
    assert threshold(anne.done("spam", "policy", "set", *scope)) == first
    for subject in ("Re: Minutes", "Re: Lunch", "Trains", "Garden", "Budget", "Roses", "Visit", "Tickets"):
        mail(subject=subject, text=f"The minutes of our meeting about {subject} are attached, see you on Friday. Anne")
    anne.done("spam", "trainer", "--once")
    scores = sorted(one["spam_score"] for one in anne.listed("message", "list", "anne@example.org"))
    followed = threshold(anne.done("spam", "policy", "set", *scope))
    assert followed == pytest.approx(scores[-1 - int(len(scores) * 0.45)], abs=1e-3)
    assert followed < first
    anne.done("spam", "policy", "set", *scope, "--threshold", "0.77")
    anne.done("spam", "trainer", "--once")
    shown = anne.done("spam", "policy", "set", *scope)
    assert threshold(shown) == 0.77
    assert "kept mail" not in shown


def threshold(shown: str) -> float:
    return float(shown.split("threshold ")[1].split(",", maxsplit=1)[0].split(" (", maxsplit=1)[0])


@pytest.mark.parametrize("share", ["0", "60%", "much", "-1%"])
def test_share_that_is_none_is_refused(anne: System, share: str) -> None:
    result = anne.run("spam", "policy", "set", "--domain", "example.org", "--false-positives", share)
    assert result.exit_code == 2


def test_rules_are_listed(anne: System) -> None:
    anne.done("spam", "policy", "block", "Offers.Example")
    anne.done("spam", "policy", "allow", "ben@example.net", "--account", "anne@example.org")
    found = [(rule["whose"], rule["action"], rule["sender"]) for rule in anne.listed("spam", "policy", "list")]
    assert found == [("", "block", "offers.example"), ("anne@example.org", "allow", "ben@example.net")]


def test_mistakes_are_refused(anne: System) -> None:
    assert "no rule on x.example" in anne.refused("spam", "policy", "remove", "x.example")
    assert "no account" in anne.refused("spam", "policy", "block", "x.example", "--account", "zoe@example.org")
    assert anne.run("spam", "policy", "set", "--threshold", "0.5").exit_code == 2
    assert anne.run("spam", "policy", "set", "--domain", "example.org", "--threshold", "95").exit_code == 2


def test_purged_account_leaves_no_rules(anne: System) -> None:
    anne.done("spam", "policy", "block", "x.example", "--account", "anne@example.org")
    anne.done("account", "delete", "--purge", "--yes", "anne@example.org")
    assert anne.listed("spam", "policy", "list") == []


def test_marks_move_the_next_mail_of_their_user_alone(anne: System, mail: Callable[..., None]) -> None:
    anne.done("account", "add", "ben@example.org")
    given = {"subject": "Cheap watches", "text": "Buy cheap watches today.", "sender": "shop@offers.example"}
    mail(**given)
    before = anne.listed("message", "list", "anne@example.org")[0]["spam_score"]
    anne.done("spam", "learn", "--spam", "anne@example.org", "INBOX:1")
    mail(**given)
    newest = max(anne.listed("message", "search", "anne@example.org"), key=lambda one: one["id"])
    assert newest["spam_score"] > before
    shown = anne.listed("message", "show", "anne@example.org", f"{newest['mailbox']}:{newest['uid']}")
    assert any(reason[0] == "marks" for reason in shown["spam_reasons"])
    line = next(field["value"] for field in shown["header"] if field["name"] == "X-MDA-Spam")
    assert "marks" in line
    header = "From: shop@offers.example\r\nTo: anne@example.org\r\nSubject: Cheap watches\r\n"
    anne.deliver("ben@example.org", f"{header}\r\n{given['text']}\r\n".encode())
    bens = anne.listed("message", "list", "ben@example.org")[0]
    assert bens["spam_score"] == before
