"""Which Authentication-Results prove a domain (RFC 8601), and which are ignored."""

import time

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


@pytest.mark.parametrize(
    "field",
    [
        'mx.example.org; spf=pass smtp.mailfrom="x@example.net"@evil.example',
        'mx.example.org; spf=pass smtp.mailfrom="x;dmarc=pass header.from=example.net y"@evil.example',
        'mx.example.org; spf=pass smtp.mailfrom=x."y smtp.mailfrom=z@example.net "@evil.example',
        'mx.example.org; dkim=pass header.i="x@example.net"@evil.example header.s=k1',
        'mx.example.org; spf=pass reason="smtp.mailfrom=x@example.net" smtp.helo=evil.example',
        'mx.example.org; spf=pass smtp.mailfrom="x@example.net',
    ],
)
def test_what_a_stranger_has_quoted_proves_nothing(field: str) -> None:
    assert proof([field], OURS, "example.net") is Proof.NONE


def test_a_quoted_local_part_hides_no_domain() -> None:
    field = r'mx.example.org; spf=pass smtp.mailfrom="x; \"y@evil.example"@example.net (really (so))'
    assert proof([field], OURS, "example.net") is Proof.PASSED


@pytest.mark.parametrize(
    "tail", ["a" * 8100, "(\\" * 4000, "a." * 4000, '"' + '\\"' * 4000, 'a.b="' * 1600, " " * 8000]
)
def test_the_longest_field_is_read_in_no_time(tail: str) -> None:
    """These took seconds, in which a worker answered nobody."""
    began = time.thread_time()
    for _ in range(10):
        read(f"mx.example.org; dkim=pass {tail}", OURS)
    assert time.thread_time() - began < 2


def test_failed_dmarc_is_told_from_nothing() -> None:
    assert proof(["mx.example.org; dmarc=fail header.from=example.net"], OURS, "example.net") is Proof.FAILED


def test_nothing_is_believed_without_an_id() -> None:
    field = "; dmarc=pass header.from=example.net"
    assert proof([field, "mx.example.org" + field], "", "example.net") is Proof.NONE


def test_nested_comments_end() -> None:
    assert read("mx.example.org " + "(" * 3000 + "; dmarc=pass", OURS) == ()
