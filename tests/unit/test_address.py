"""mda.address: parsing, quoting and the keys under which addresses are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mda import address
from mda.address import Address
from mda.errors import InvalidValue


@pytest.mark.parametrize(
    ("text", "local_part", "domain"),
    [
        ("anne@example.org", "anne", "example.org"),
        ("Anne.B@Example.ORG", "Anne.B", "Example.ORG"),
        ("a+b=c@example.org", "a+b=c", "example.org"),
        ('"john doe"@example.org', "john doe", "example.org"),
        (r'"a\"b\\c"@example.org', r'a"b\c', "example.org"),
        ('"a@b"@example.org', "a@b", "example.org"),
        ('""@example.org', "", "example.org"),
        ("zażółć@bücher.example", "zażółć", "bücher.example"),
        ("root@[192.0.2.1]", "root", "[192.0.2.1]"),
        ("root@[IPv6:2001:db8::1]", "root", "[IPv6:2001:db8::1]"),
        ("root@localhost", "root", "localhost"),
        ("x@_spf.example.org", "x", "_spf.example.org"),
    ],
)
def test_parse_takes_the_address_apart(text: str, local_part: str, domain: str) -> None:
    parsed = address.parse(text)
    assert (parsed.local_part, parsed.domain) == (local_part, domain)
    assert str(parsed) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anne",
        "@example.org",
        "anne@",
        "a..b@example.org",
        ".a@example.org",
        "a.@example.org",
        "john doe@example.org",
        "a,b@example.org",
        "<anne@example.org>",
        '"open@example.org',
        '"a"b"@example.org',
        '"a\\"@example.org',
        "a@b@example.org",
        "anne@exa mple.org",
        "anne@example..org",
        "anne@-example.org",
        "anne@[192.0.2.1",
        "anne\n@example.org",
        "anne@example.org\r",
        "an\0ne@example.org",
        "an\u0085ne@example.org",
        "an\u2028ne@example.org",
        "x" * 257 + "@example.org",
        "ż" * 129 + "@example.org",
        "a@" + "x" * 63 + ".x" * 100,
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        address.parse(text)


def test_longest_local_part_is_taken() -> None:
    assert address.parse("x" * 256 + "@example.org").local_part == "x" * 256


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anne@example.org", "ANNE@Example.Org"),
        ("anne@example.org", "anne@example.org."),
        ("anne@bücher.example", "anne@xn--bcher-kva.example"),
        ("anne@bücher.example", "anne@BÜCHER.example"),
        ("zażółć@example.org", "zaz\u0307o\u0301\u0142c\u0301@example.org"),
        ("ZAŻÓŁĆ@example.org", "zażółć@example.org"),
        ("straße@example.org", "STRASSE@example.org"),
        ('"john.doe"@example.org', "John.Doe@example.org"),
        ("root@[IPv6:2001:DB8::1]", "root@[ipv6:2001:db8::1]"),
    ],
)
def test_same_mailbox_has_one_key(one: str, other: str) -> None:
    assert address.parse(one).key == address.parse(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [("anne@example.org", "ann@example.org"), ("a.b@example.org", "ab@example.org"), ("a@x.test", "a@y.test")],
)
def test_other_mailboxes_have_other_keys(one: str, other: str) -> None:
    assert address.parse(one).key != address.parse(other).key


LOCAL_PARTS = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029"), min_size=1, max_size=40
)


@given(LOCAL_PARTS)
def test_any_local_part_survives_quoting(local_part: str) -> None:
    written = str(Address(local_part, "example.org"))
    assert address.parse(written) == Address(local_part, "example.org")


@given(LOCAL_PARTS)
def test_key_of_a_key_is_the_key(local_part: str) -> None:
    once = address.local_key(local_part)
    assert address.local_key(once) == once


@given(st.text(max_size=60))
def test_parse_gives_an_address_or_invalid_value(text: str) -> None:
    try:
        parsed = address.parse(text)
    except InvalidValue:
        return
    assert address.parse(str(parsed)) == parsed


def test_which_characters_need_no_quotes() -> None:
    """RFC 5322 s3.2.3, and everything that RFC 6531 s3.3 adds."""
    atext = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~")
    beyond = {chr(code) for code in (0x80, 0xE9, 0x2028, 0xFFFF, 0x10000, 0x10FFFF)}
    for character in {*map(chr, range(0x80)), *beyond}:
        bare = address.quote_local_part(character) == character
        assert bare == (character in atext or character in beyond), ascii(character)
