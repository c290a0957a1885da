"""Spam whose letters are disguised scores as what the reader sees: normal text (csrc/antispam/normal.h)."""

import subprocess
import sys
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from mda import binding
from mda.antispam.classifier import Classifier
from mda.antispam.log_odds import log_odds
from mda.antispam.verdict import Category
from tools import build_confusables

SPAM = sorted((Path(__file__).parent / "mail" / "spam").glob("*.eml"))
CYRILLIC = str.maketrans("aceiopsxyjABCEHKMOPTX", "асеіорѕхујАВСЕНКМОРТХ")
GREEK = str.maketrans("avoixABEHIKMNOPTXYZ", "ανοιχΑΒΕΗΙΚΜΝΟΡΤΧΥΖ")

DISGUISES: dict[str, Callable[[str], str]] = {
    "zero-width spaces": "\u200b".join,
    "zero-width joiners": "\u200d".join,
    "soft hyphens": "\u00ad".join,
    "word joiners": "\u2060".join,
    "combining marks": lambda word: "".join(letter + "\u0301" for letter in word),
    "accents": lambda word: word.translate(str.maketrans("aeioucnyAEIOU", "àéîõüçñýÀÉÎÕÜ")),
    "Cyrillic letters": lambda word: word.translate(CYRILLIC),
    "Greek letters": lambda word: word.translate(GREEK),
    "full-width forms": lambda word: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in word),
    "mathematical letters": lambda word: "".join(
        chr(0x1D400 + ord(one) - 65) if "A" <= one <= "Z" else one for one in word
    ),
    "circled letters": lambda word: "".join(chr(0x24D0 + ord(one) - 97) if "a" <= one <= "z" else one for one in word),
}


def mail(subject: str, text: str) -> bytes:
    head = "From: Anna <anna@example.org>\r\nTo: jan@example.org\r\nMIME-Version: 1.0\r\n"
    kind = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return f"{head}Subject: {subject}\r\n{kind}{text}\r\n".encode()


def words_of(path: Path) -> tuple[str, str]:
    """Subject and text."""
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = message.get_body(("plain", "html"))
    assert body is not None
    text = body.get_content()
    if body.get_content_subtype() == "html":
        text = binding.html_text(text.encode()).decode()
    return str(message["Subject"]), " ".join(text.split())


def disguised(text: str, disguise: Callable[[str], str]) -> str:
    """Every word but links, whose hosts must stay what they are."""
    return " ".join(word if "/" in word or "@" in word else disguise(word) for word in text.split())


def score_of(raw: bytes) -> float:
    spam = binding.examine(raw, Classifier().model).spam
    assert spam is not None
    return log_odds(spam.probability)


@pytest.mark.parametrize("path", SPAM, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", DISGUISES)
def test_disguised_spam_scores_as_plain_spam(path: Path, name: str) -> None:
    subject, text = words_of(path)
    plain = score_of(mail(subject, text))
    hidden = score_of(mail(disguised(subject, DISGUISES[name]), disguised(text, DISGUISES[name])))
    assert hidden == pytest.approx(plain, abs=0.35)  # the part has grown, and nothing else


def test_disguise_in_markup() -> None:
    """The same by character references, in HTML."""
    kind = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    plain, hidden = kind + b"<p>viagra</p>", kind + b"<p>V&#8203;&#x456;a&#x1D420;ra</p>"
    assert of_category(Category.BODY_WORDS, hidden) == of_category(Category.BODY_WORDS, plain) != set()
    assert of_category(Category.BODY_TEXT, hidden) == of_category(Category.BODY_TEXT, plain) != set()


def test_a_host_that_only_looks_like_another_is_another() -> None:
    real, alike = (
        of_category(Category.URLS, mail("x", f"see http://{host}/")) for host in ("paypal.com", "pаypаl.com")
    )
    assert len(real - alike) >= 2


def of_category(category: Category, raw: bytes) -> set[int]:
    return {one for one in memoryview(binding.features(raw)).cast("I") if one >> 28 == category.value}


def test_the_table_is_what_its_program_writes() -> None:
    done = subprocess.run([sys.executable, "-m", "tools.build_confusables", "--check"], check=False)
    assert done.returncode == 0
    assert build_confusables.OUTPUT.exists()
