"""A key of a settings file is set, and nothing else of the file changes."""

import tomllib

import pytest

from mda.cli.init import template
from mda.errors import SettingsError
from mda.settings_text import with_key

FILE = """\
# ours
data_dir = "/srv/mda"

[lmtp]
trusted_users = [
    "postfix",  # its queue
    "nobody",
]
recipients = 7 # few

[ delivery ]  # of mail
#receipt_days = 7
"""


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("data_dir", "/srv/other", 'data_dir = "/srv/other"'),
        ("lmtp.recipients", 9, "recipients = 9"),
        ("lmtp.trusted_users", ["a"], 'trusted_users = ["a"]'),
        ("lmtp.socket", 'a "b"', 'socket = "a \\"b\\""'),
        ("delivery.receipt_days", 9, "receipt_days = 9"),
        ("spam.enabled", False, "enabled = false"),
    ],
)
def test_one_key_is_set_and_the_rest_stays(key: str, value: object, line: str) -> None:
    made = with_key(FILE, key, value)
    before, after = FILE.splitlines(), made.splitlines()
    assert line in after
    assert [one for one in after if one not in before and one not in ("[spam]", "", line)] == []
    assert with_key(made, key, value) == made
    table, _, name = key.rpartition(".")
    tree = tomllib.loads(made)
    assert (tree[table] if table else tree)[name] == value


def test_the_template_takes_every_kind() -> None:
    made = with_key(with_key(template(), "delivery.receipt_days", 9), "data_dir", "/srv")
    assert made.count("\n") == template().count("\n")
    assert tomllib.loads(made) == {
        **{table: {} for table in tomllib.loads(template())},
        "data_dir": "/srv",
        "delivery": {"receipt_days": 9},
    }


@pytest.mark.parametrize("text", ["delivery.receipt_days = 3\n", "delivery = { receipt_days = 3 }\n", "[delivery\n"])
def test_what_a_program_would_break_is_left_to_people(text: str) -> None:
    with pytest.raises(SettingsError, match=r"delivery\.receipt_days"):
        with_key(text, "delivery.receipt_days", 7)
