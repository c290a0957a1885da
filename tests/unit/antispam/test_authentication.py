"""Which Authentication-Results prove a domain (RFC 8601), and which are ignored."""

import pytest

from mda.antispam.authentication import Proof, proof, read

OURS = "mx.example.org"


@pytest.mark.parametrize(
    "field",
    [
        "mx.example.org; dmarc=pass header.from=example.net",
        "MX.Example.ORG 1; spf=none; dmarc=pass (p=reject dis=none) header.from=Example.NET",
        "mx.example.org; dkim=pass header.d=example.net header.s=k1",
        "mx.example.org; dkim=pass header.i=@mail.example.net",
        'mx.example.org; dkim=pass (2048-bit key (rsa)) header.d="example.net"',
        "mx.example.org; spf=pass smtp.mailfrom=bounce@example.net",
        "mx.example.org; dkim=fail header.d=other.example; dkim/1=pass header.d=example.net.",
    ],
)
def test_aligned_pass_proves(field: str) -> None:
    assert proof([field], OURS, "example.net") is Proof.PASSED


@pytest.mark.parametrize(
    "field",
    [
        "mx.example.com; dmarc=pass header.from=example.net",
        "mx.example.org.evil.example; dmarc=pass header.from=example.net",
        "mx.example.org; dmarc=pass header.from=evil.example",
        "mx.example.org; dkim=pass header.d=net",
        "mx.example.org; dkim=pass header.d=evilexample.net",
        "mx.example.org; spf=pass smtp.helo=example.net",
        "mx.example.org; dmarc=passed header.from=example.net",
        "mx.example.org; iprev=pass policy.iprev=192.0.2.1",
        "mx.example.org (dmarc=pass header.from=example.net)",
        "mx.example.org; none",
        "",
        ";;;",
        "mx.example.org" + "; dkim=pass header.d=example.net" * 1000,
    ],
)
def test_everything_else_does_not(field: str) -> None:
    assert proof([field], OURS, "example.net") is Proof.NONE


def test_failed_dmarc_is_told_from_nothing() -> None:
    assert proof(["mx.example.org; dmarc=fail header.from=example.net"], OURS, "example.net") is Proof.FAILED


def test_nothing_is_believed_without_an_id() -> None:
    field = "; dmarc=pass header.from=example.net"
    assert proof([field, "mx.example.org" + field], "", "example.net") is Proof.NONE


def test_nested_comments_end() -> None:
    assert read("mx.example.org " + "(" * 3000 + "; dmarc=pass", OURS) == ()
