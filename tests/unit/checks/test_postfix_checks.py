"""Postfix's configuration, read by the real postconf: ours passes, each mistake is found, and its remedy mends it."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mda.checks import postfix
from mda.checks.finding import Finding, Level
from mda.checks.site import Site
from mda.cli.init import conf_folder
from mda.settings import Delivery, Lmtp, Settings
from tests.requirements import POSTFIX_REMEDY, require_command

DOMAIN = "example.org"
PIPED = "piped.test"


@dataclass(frozen=True, slots=True)
class House:
    """A copy of our fragments as they are documented, with a live socket where they lead."""

    folder: Path
    settings: Settings

    def check(self, settings: Settings | None = None, domains: tuple[str, ...] = (DOMAIN, PIPED)) -> list[Finding]:
        if (self.folder / "main.cf").exists():
            _age(self.folder / "main.cf")
        return list(postfix.check(settings or self.settings, Site(self.folder / "mda.toml"), domains, self.folder))

    def bad(self, settings: Settings | None = None) -> list[Finding]:
        return [one for one in self.check(settings) if one.level in (Level.WARNING, Level.ERROR)]

    def postconf(self, *words: str) -> None:
        subprocess.run([PROGRAM, "-c", str(self.folder), *words], check=True)

    def run(self, remedy: str) -> None:
        """A remedy as an admin would paste it, on a machine where Postfix does not run."""
        environment = {**os.environ, "PATH": f"{self.folder}/bin:{Path(PROGRAM).parent}:{os.environ['PATH']}"}
        subprocess.run(["sh", "-c", remedy], env=environment, check=True)


PROGRAM = shutil.which("postconf") or "/usr/sbin/postconf"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below pytest's own, which nobody but us may enter."""
    made = Path(tempfile.mkdtemp(prefix="mda-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def house(folder: Path) -> Iterator[House]:
    require_command("postconf", POSTFIX_REMEDY)
    program = folder / "mda-pipe"
    (folder / "bin").mkdir()
    for one in (program, folder / "bin/postfix"):
        one.write_text("#!/bin/sh\n")
        one.chmod(0o755)
    path = folder / "lmtp.sock"
    main = (conf_folder() / "postfix/main.cf").read_text().replace("/run/mda/lmtp.sock", str(path))
    master = (conf_folder() / "postfix/master.cf").read_text().replace("/run/mda/lmtp.sock", str(path))
    (folder / "main.cf").write_text(
        f"compatibility_level = 3.6\nqueue_directory = {folder}/queue\nmail_owner = games\nmyhostname = mx.test\n"
        f"{main.replace(DOMAIN, f'{DOMAIN}, {PIPED}')}\n"
        f"transport_maps = texthash:{folder}/transport\nmydestination = localhost\n"
    )
    _write_table(folder / "transport", f"{PIPED} mda-pipe:\n")
    (folder / "master.cf").write_text(
        master.replace("/usr/local/libexec/mda-pipe", str(program)).replace("user=nobody:mda", "user=daemon")
    )
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o666)
        lmtp = Lmtp(trusted_users=("postfix", "games", "daemon", "nobody"))
        yield House(folder, Settings(data_dir=str(folder), lmtp=lmtp))


def _write_table(path: Path, text: str) -> None:
    path.write_text(text)
    _age(path)


def _age(path: Path) -> None:
    """QUIRK: Postfix reads a file of this very second only after it has waited for a quieter one."""
    os.utime(path, (0, 0))


@dataclass(frozen=True, slots=True)
class Mistake:
    """Words for postconf that make it, and the finding that it must give."""

    finding: str
    words: tuple[str, ...]
    level: Level = Level.WARNING
    settings: dict[str, object] = field(default_factory=dict)


LMTP, PIPE = "mda-lmtp/unix", "mda-pipe/unix"
MISTAKES = (
    Mistake("postfix.lmtp_line_length_limit", ("-P", f"{LMTP}/lmtp_line_length_limit=998")),
    Mistake("postfix.lmtp_line_length_limit", ("-PX", f"{LMTP}/lmtp_line_length_limit")),
    Mistake("postfix.lmtp_send_xforward_command", ("-P", f"{LMTP}/lmtp_send_xforward_command=no")),
    Mistake("postfix.lmtp_tls_security_level", ("-P", f"{LMTP}/lmtp_tls_security_level=encrypt"), Level.ERROR),
    Mistake("postfix.lmtp_data_done_timeout", ("-P", f"{LMTP}/lmtp_data_done_timeout=60s"), Level.ERROR),
    Mistake("postfix.destination_recipient_limit", ("-e", "mda-lmtp_destination_recipient_limit=5000")),
    Mistake("postfix.failed_cohort_limit", ("-X", "mda-lmtp_destination_concurrency_failed_cohort_limit")),
    Mistake("postfix.chroot", ("-F", f"{LMTP}/chroot=y"), Level.ERROR),
    Mistake("postfix.maximal_queue_lifetime", ("-e", "maximal_queue_lifetime=10d")),
    Mistake("postfix.maximal_queue_lifetime", ("-e", "maximal_queue_lifetime=1w")),
    Mistake("postfix.bounce_queue_lifetime", ("-e", "bounce_queue_lifetime=200h")),
    Mistake("postfix.message_size_limit", ("-e", "message_size_limit=60000000"), Level.ERROR),
    Mistake("postfix.message_size_limit", ("-e", "message_size_limit=0"), Level.ERROR),
    Mistake("postfix.recipient_delimiter", ("-e", "recipient_delimiter=-")),
    Mistake("postfix.enable_long_queue_ids", ("-e", "enable_long_queue_ids=no")),
    Mistake("postfix.pipe_flags", ("-F", f"{PIPE}/command=pipe flags=DRhu user=daemon null_sender= argv=PROGRAM -x")),
    Mistake("postfix.pipe_user", ("-F", f"{PIPE}/command=pipe user=root argv=PROGRAM -f x"), Level.ERROR),
    Mistake("postfix.pipe_recipient_limit", ("-X", "mda-pipe_destination_recipient_limit"), Level.ERROR),
    Mistake("postfix.pipe_recipient_limit", ("-e", "mda-pipe_destination_recipient_limit=20"), Level.ERROR),
    Mistake("postfix.pipe_time_limit", ("-e", "mda-pipe_time_limit=500s"), Level.ERROR),
    Mistake("postfix.pipe_queue_id", ("-F", f"{PIPE}/command=pipe user=daemon argv=PROGRAM -f x")),
    Mistake("postfix.mydestination", ("-e", f"mydestination=localhost, {DOMAIN}"), Level.ERROR),
    Mistake("postfix.domain_missing", ("-e", f"virtual_mailbox_domains={PIPED}")),
    Mistake("postfix.recipients_unknown", ("-e", "smtpd_recipient_restrictions=permit_mynetworks")),
)


def test_the_documented_fragments_pass(house: House) -> None:
    assert house.bad() == []
    assert {one.text.split()[0] for one in house.check() if one.name == "postfix.route"} == {
        "virtual_transport",
        f"texthash:{house.folder}/transport",
    }


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: f"{one.finding}: {one.words[-1][:40]}")
def test_a_mistake_is_found_and_its_remedy_mends_it(house: House, mistake: Mistake) -> None:
    house.postconf(*(word.replace("PROGRAM", str(house.folder / "mda-pipe")) for word in mistake.words))
    found = [one for one in house.bad() if one.name == mistake.finding]
    assert [one.level for one in found] == [mistake.level]
    assert found[0].consequence
    assert found[0].remedy.startswith("postconf ")
    house.run(found[0].remedy)
    assert mistake.finding not in {one.name for one in house.bad()}


def test_size_exact_is_an_error_only_beside_a_milter(house: House) -> None:
    program = house.folder / "mda-pipe"
    house.postconf(
        "-F", f"{PIPE}/command=pipe user=daemon argv={program} --queue-id ${{queue_id}} --size ${{size}} --size-exact"
    )
    assert house.bad() == []
    house.postconf("-e", "non_smtpd_milters=inet:127.0.0.1:11332")
    (found,) = house.bad()
    assert found.name == "postfix.pipe_size_exact"
    house.run(found.remedy)
    assert house.bad() == []
    assert "--size ${size}" in (house.folder / "master.cf").read_text()


def test_overrides_of_a_pipe_stay_when_its_command_is_mended(house: House) -> None:
    command = (
        f"pipe -o {{ syslog_name = a b }} flags=F user=daemon argv={house.folder}/mda-pipe --queue-id ${{queue_id}}"
    )
    house.postconf("-F", f"{PIPE}/command={command}")
    (found,) = house.bad()
    house.run(found.remedy)
    assert house.bad() == []
    shown = subprocess.run(
        [PROGRAM, "-c", str(house.folder), "-P", f"{PIPE}/syslog_name"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip().endswith("a b")


def test_chroot_default_depends_on_the_compatibility_level(house: House) -> None:
    house.postconf("-F", f"{LMTP}/chroot=-")
    assert house.bad() == []
    house.postconf("-e", "compatibility_level=0")
    assert "postfix.chroot" in {one.name for one in house.bad()}


def test_settings_that_do_not_fit(house: House) -> None:
    base = house.settings
    short = Settings(data_dir=base.data_dir, lmtp=base.lmtp, delivery=Delivery(receipt_days=1))
    line = f"mda --config {house.folder}/mda.toml config set delivery.receipt_days 7 && systemctl restart mda"
    assert line in {one.remedy for one in house.bad(short)}
    strict = Settings(data_dir=base.data_dir, lmtp=Lmtp(trusted_users=("daemon",)))
    assert {one.name for one in house.bad(strict)} == {"postfix.mail_owner"}
    untrusted = Settings(data_dir=base.data_dir, lmtp=Lmtp(trusted_users=("games",)))
    assert {one.name for one in house.bad(untrusted)} == {"postfix.pipe_user"}


def test_socket_that_postfix_may_not_use_or_find(house: House) -> None:
    path = house.settings.lmtp_socket
    path.chmod(0o600)
    (found,) = house.bad()
    assert (found.name, found.level) == ("postfix.access", Level.ERROR)
    assert found.remedy.startswith(f"chgrp games {path} && chmod g+w {path} && ")
    path.chmod(0o666)
    house.folder.chmod(0o700)
    (found,) = house.bad()
    assert found.remedy == f"chmod o+x {house.folder}"
    house.folder.chmod(0o755)
    path.unlink()
    assert [one.name for one in house.bad()] == ["postfix.socket"]
    house.postconf("-e", "virtual_transport=mda-lmtp:unix:/nowhere/lmtp.sock")
    (found,) = house.bad()
    assert (found.name, found.level) == ("postfix.socket", Level.ERROR)
    assert str(path) in found.remedy


def test_domains_of_tables_and_of_nobody(house: House) -> None:
    table = house.folder / "domains"
    _write_table(table, f"{DOMAIN} x\n{PIPED} x\n")
    house.postconf("-e", f"virtual_mailbox_domains=texthash:{table}")
    assert house.bad() == []
    house.postconf("-e", f"virtual_mailbox_domains={DOMAIN}, {PIPED}, forgotten.test")
    (found,) = house.bad()
    assert found.name == "postfix.domain_unknown"
    assert found.remedy == f"mda --config {house.folder}/mda.toml domain add forgotten.test"


def test_nothing_leads_here(house: House) -> None:
    house.postconf("-e", "virtual_transport=virtual")
    house.postconf("-X", "transport_maps")
    assert [one.name for one in house.bad()] == ["postfix.route"]


def test_broken_table(house: House) -> None:
    (house.folder / "transport").unlink()
    (found,) = house.bad()
    assert found.name == "postfix.readable"
    assert "transport" in found.text


def test_unreadable_configuration(house: House) -> None:
    (house.folder / "main.cf").unlink()
    assert [one.name for one in house.bad()] == ["postfix.readable"]
