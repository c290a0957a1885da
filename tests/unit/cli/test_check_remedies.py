"""Each finding of `mda check` goes when its remedy is pasted into a shell: taken out of --json, run, looked for again.

Only systemctl and postfix are stand-ins. Where no line can mend it, `SENTENCES` says so.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import mda.checks
from mda.checks import database
from mda.metadata.postgresql import server_facts
from mda.metadata.postgresql.engine import connect
from mda.settings_text import with_key
from mda.storage.shard import create_shard
from tests.conftest import with_database
from tests.unit.checks.test_postfix_checks import DOMAIN, LMTP, MISTAKES, PIPE, PIPED, House, folder, house
from tests.unit.cli.conftest import System

__all__ = ["folder", "house"]

SENTENCES = {
    "core.loaded": "another build of mda has to come",
    "database.clock": "two machines",
    "database.directory": "says what is wrong with the database",
    "database.encoding": "all of it has to move to another database",
    "database.primary": "the primary's address is not known here",
    "database.reachable": "a server has to be started, on a machine that is not known (but: mda init)",
    "database.version": "a newer PostgreSQL has to be installed",
    "postfix.readable": "Postfix itself says what is wrong",
    "settings.file": "what was meant is not known",
    "shard.clock": "two machines",
    "shard.file_system": "a disk is needed",
    "shard.files": "a file system is needed",
    "shard.folder": "a disk has to be mounted",
    "shard.space": "a disk is needed",
    "shard.speed": "a disk is needed",
}
HOLDS_FOR_THE_CALLER = {"settings.user"}
"""The line is the check itself, by another user."""


@dataclass(frozen=True, slots=True)
class Machine:
    """An installation with its Postfix; commands of the shell find ours first."""

    system: System
    house: House

    def found(self) -> dict[str, str]:
        """Remedies by name, of all that is wrong."""
        for file in self.house.folder.glob("*.cf"):
            os.utime(file, (0, 0))
        words = ("check", "--quiet", "--json", "--postfix-config", str(self.house.folder))
        told = self.system.run(*words, environment={"PATH": self.path})
        return {one["name"]: one["remedy"] for one in json.loads(told.stdout)}

    def paste(self, line: str) -> None:
        if os.geteuid() != 0 and re.search(r"\b(chgrp|setpriv)\b", line):
            pytest.skip("only root may")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MDA_")}
        done = subprocess.run(
            ["sh", "-c", line], env={**environment, "PATH": self.path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"

    def done(self, *words: str) -> None:
        self.paste(f"mda --config {shlex.quote(str(self.system.file))} {' '.join(words)}")

    def set(self, key: str, value: object) -> None:
        """Past `mda config set`, which takes nothing that is not valid."""
        self.system.file.write_text(with_key(self.system.file.read_text(), key, value))

    def postconf(self, *words: str) -> None:
        self.house.postconf(*(word.replace("PROGRAM", str(self.house.folder / "mda-pipe")) for word in words))

    @property
    def path(self) -> str:
        """Where an admin's shell looks for programs."""
        return f"{self.bin}:/usr/sbin:/usr/local/sbin:{os.environ['PATH']}"

    @property
    def bin(self) -> Path:
        return self.house.folder / "bin"


SYSTEMCTL = """#!{python}
import pathlib, socket, sys
path = pathlib.Path({path!r})
if sys.argv[1] == "start" and not path.exists():
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    path.chmod(0o666)
"""


def made(house: House, url: str | None) -> Machine:
    programs = house.folder / "bin"
    (programs / "mda").write_text(f"#!{sys.executable}\nfrom mda.cli.main import main\nmain()\n")
    (programs / "systemctl").write_text(SYSTEMCTL.format(python=sys.executable, path=str(house.settings.lmtp_socket)))
    for one in programs.iterdir():
        one.chmod(0o755)
    system = System(house.folder / "our mda's.toml", house.folder / "data")
    place = ["--data-dir", str(system.data_dir), *(["--database-url", url] if url else [])]
    system.done("--config", str(system.file), "init", *place)
    machine = Machine(system, house)
    machine.set("lmtp.socket", str(house.settings.lmtp_socket))
    machine.set("lmtp.trusted_users", list(house.settings.lmtp.trusted_users))
    system.file.chmod(0o640)
    system.done("domain", "add", DOMAIN, PIPED)
    assert machine.found() == {}
    return machine


@pytest.fixture
def machine(house: House, database_url: str) -> Machine:
    return made(house, database_url)


@pytest.fixture
def embedded(house: House) -> Machine:
    """With a PostgreSQL of its own, whose settings may be changed."""
    return made(house, None)


@dataclass(frozen=True, slots=True)
class Case:
    finding: str
    breaks: Callable[[Machine], object]


def setting(key: str, value: object) -> Callable[[Machine], object]:
    return lambda machine: machine.set(key, value)


def postconf(*words: str) -> Callable[[Machine], object]:
    return lambda machine: machine.postconf(*words)


def ours(*words: str) -> Callable[[Machine], object]:
    return lambda machine: machine.done(*words)


def sql(*statements: str) -> Callable[[Machine], object]:
    return lambda machine: machine.done("db", "psql", *(f'-c "{one}"' for one in statements))


def lost_model(machine: Machine) -> None:
    trained = machine.system.data_dir / "spam/trained.bin"
    trained.parent.mkdir(exist_ok=True)
    trained.write_bytes(b"damaged")


def aged(machine: Machine, *before: str) -> None:
    """Makes the checkpoint that there is, or else the shard, one of 2020."""
    for line in before:
        machine.done(line)
    table = "checkpoint" if before else "shard"
    sql(f"UPDATE {table} SET id = 7")(machine)
    if not before:
        root = machine.system.data_dir / "shards/first"
        shutil.rmtree(root)
        create_shard(root, 7, "first")


def unlinked(machine: Machine) -> None:
    machine.house.settings.lmtp_socket.unlink()


def elsewhere(machine: Machine) -> None:
    shutil.move(machine.house.folder / "mda-pipe", machine.bin / "mda-pipe")


def led_by_table(machine: Machine) -> None:
    table = machine.house.folder / "transport"
    table.write_text(f"{PIPED} mda-pipe:\n{DOMAIN} mda-lmtp:unix:/nowhere/lmtp.sock\n")
    os.utime(table, (0, 0))


CASES = (
    *(Case(one.finding, postconf(*one.words)) for one in MISTAKES),
    Case("settings.receipt_days", setting("delivery.receipt_days", 3)),
    Case("settings.file_mode", lambda machine: machine.system.file.chmod(0o644)),
    Case("settings.data_dir", lambda machine: shutil.rmtree(machine.system.data_dir)),
    Case("settings.spam_model", setting("spam.model", "/nowhere/model.bin")),
    Case("spam.model", setting("spam.model", "/nowhere/model.bin")),
    Case("settings.quota_warning_file", setting("quota.warning_file", "/nowhere/warning.eml")),
    Case("settings.lmtp_socket", setting("lmtp.socket", f"/{'x' * 110}")),
    Case("settings.monitor_tcp", setting("monitor.tcp", "192.0.2.1:9462")),
    Case("settings.lmtp_tcp", setting("lmtp.tcp", "0.0.0.0:24")),
    Case("spam.trained", lost_model),
    Case("shard.checkpoint", lambda machine: aged(machine, "storage checkpoint")),
    Case("shard.checkpoint", aged),
    Case("database.schema", ours("db downgrade 0006 --yes")),
    Case("shard.active", ours("shard set first --weight 0")),
    Case("shard.active", ours("shard set first --state readonly")),
    Case("postfix.mail_owner", setting("lmtp.trusted_users", ["daemon", "nobody"])),
    Case("postfix.pipe_user", setting("lmtp.trusted_users", ["games"])),
    Case(
        "postfix.pipe_user", postconf("-F", f"{PIPE}/command=pipe user=whoever argv=PROGRAM --queue-id ${{queue_id}}")
    ),
    Case("postfix.pipe_program", lambda machine: (machine.house.folder / "mda-pipe").chmod(0o644)),
    Case("postfix.pipe_program", elsewhere),
    Case("postfix.socket", unlinked),
    Case("postfix.socket", postconf("-e", "virtual_transport=mda-lmtp:unix:/nowhere/lmtp.sock")),
    Case("postfix.socket", led_by_table),
    Case("postfix.access", lambda machine: machine.house.settings.lmtp_socket.chmod(0o600)),
    Case("postfix.access", lambda machine: machine.house.folder.chmod(0o700)),
    Case("postfix.route", postconf("-e", "virtual_transport=virtual", "transport_maps=")),
    Case("postfix.domain_unknown", postconf("-e", f"virtual_mailbox_domains={DOMAIN}, {PIPED}, forgotten.test")),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.finding)
def test_what_is_pasted_mends_it(machine: Machine, case: Case) -> None:
    case.breaks(machine)
    remedy = machine.found()[case.finding]
    machine.paste(remedy)
    assert case.finding not in machine.found()


TOGETHER = {
    "a pipe wrong in four ways": (
        postconf("-e", "non_smtpd_milters=inet:127.0.0.1:11332"),
        postconf("-F", f"{PIPE}/command=pipe flags=DRhu user=root argv=PROGRAM --size-exact -f x"),
    ),
    "two domains missing, two in mydestination": (
        postconf("-e", "virtual_mailbox_domains="),
        ours("domain add more.test"),
        postconf("-e", f"mydestination=localhost, {DOMAIN}, {PIPED}"),
    ),
    "nobody is believed": (setting("lmtp.trusted_users", ["bin"]),),
    "receipts for a day, and both lifetimes longer": (
        setting("delivery.receipt_days", 1),
        postconf("-e", "maximal_queue_lifetime=20d", "bounce_queue_lifetime=10d"),
    ),
    "chrooted, by a wrong path, with TLS": (
        postconf("-F", f"{LMTP}/chroot=y"),
        postconf("-P", f"{LMTP}/lmtp_tls_security_level=encrypt"),
        postconf("-e", "virtual_transport=mda-lmtp:unix:/nowhere/lmtp.sock"),
    ),
}


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("name", TOGETHER)
def test_no_remedy_undoes_another(machine: Machine, name: str, is_reversed: bool) -> None:
    for breaks in TOGETHER[name]:
        breaks(machine)
    found = machine.found()
    assert found
    for remedy in reversed(found.values()) if is_reversed else found.values():
        machine.paste(remedy)
    assert not found.keys() & machine.found().keys()


OF_SERVERS = (
    Case("database.fsync", sql("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")),
    Case("database.full_page_writes", sql("ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()")),
    Case("database.max_connections", sql("ALTER SYSTEM SET max_connections = 12")),
    Case("database.data_checksums", lambda machine: machine.paste(disabling(machine))),
    Case("database.reachable", lambda machine: shutil.rmtree(machine.system.data_dir / "pg")),
    Case("database.reachable", lambda machine: machine.set("data_dir", str(machine.system.data_dir.with_name("dtaa")))),
    Case("settings.data_dir", lambda machine: machine.set("data_dir", str(machine.system.data_dir.with_name("dtaa")))),
)


def disabling(machine: Machine) -> str:
    """What `mda check` would say of a cluster without, the other way round."""
    real = server_facts.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "read", lambda handle: replace(real(handle), has_checksums=False))
        return machine.found()["database.data_checksums"].replace("--enable", "--disable")


@pytest.mark.parametrize("case", OF_SERVERS, ids=lambda case: case.finding)
def test_what_is_pasted_mends_the_server(embedded: Machine, case: Case) -> None:
    test_what_is_pasted_mends_it(embedded, case)


def test_a_long_transaction_is_ended(machine: Machine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LONG_TRANSACTION_SECONDS", 1)
    somebody = connect(database_url)
    somebody.cursor().execute("SELECT 1")
    time.sleep(1.1)
    test_what_is_pasted_mends_it(machine, Case("database.long_transaction", lambda _: None))
    assert somebody.closed or somebody.poll() is not None


def test_an_old_collation_is_refreshed(machine: Machine, postgresql_url: str) -> None:
    name = "it's old"
    administrator = connect(postgresql_url)
    administrator.autocommit = True
    with administrator.cursor() as cursor:
        cursor.execute(f"""CREATE DATABASE "{name}" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'""")
        cursor.execute("UPDATE pg_database SET datcollversion = '1' WHERE datname = %s", (name,))
    machine.set("database.url", with_database(postgresql_url, name))
    test_what_is_pasted_mends_it(machine, Case("database.collation", ours("init")))
    with administrator.cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    administrator.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_check_is_the_services_users(machine: Machine) -> None:
    shutil.chown(machine.system.data_dir, "games")
    line = f"runuser -u games -- mda --config {shlex.quote(str(machine.system.file))} check"
    assert machine.found()["settings.user"] == line


def test_who_may_not_change_the_server_is_told_who_may(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    real = server_facts.read
    monkeypatch.setattr(database, "read", lambda handle: replace(real(handle), is_superuser=False, syncs=False))
    remedy = machine.found()["database.fsync"]
    assert remedy.startswith("runuser -u postgres -- psql -h /")
    assert remedy.endswith("-c 'ALTER SYSTEM SET fsync = on' -c 'SELECT pg_reload_conf()'")


def test_a_shard_that_became_readonly_is_mounted_again(machine: Machine) -> None:
    disk = machine.house.folder / "a disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "mda", disk], capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount")
    try:
        machine.done("shard", "add", "second", shlex.quote(str(disk / "second")))
        test_what_is_pasted_mends_it(
            machine,
            Case("shard.writable", lambda _: subprocess.run(["mount", "-o", "remount,ro", disk], check=True)),
        )
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_replicas_go_elsewhere_for_the_accounts_of_the_finding_alone(machine: Machine) -> None:
    """Third is on another disk: the memory's."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of our own in it
    if not memory.is_dir() or memory.stat().st_dev == machine.house.folder.stat().st_dev:
        pytest.skip("there is no other disk")
    system, third = machine.system, tempfile.mkdtemp(prefix="mda-", dir=memory)
    try:
        for name, place in (("second", machine.house.folder / "second"), ("third", Path(third) / "third")):
            system.done("--config", str(system.file), "shard", "add", name, str(place), "--weight", "0")
        accounts = {"anne": ("first", "second"), "ben": ("first", None), "eve": ("second", "third")}
        for name, (shard, replica) in accounts.items():
            machine.done("account", "add", f"{name}@{DOMAIN}", "--shard", shard)
            if replica:
                machine.done("account", "replica", f"{name}@{DOMAIN}", "--shard", replica)
        test_what_is_pasted_mends_it(machine, Case("shard.replicas", lambda _: None))
        machine.done("shard", "list")
        shown = subprocess.run(
            [machine.bin / "mda", "--config", system.file, "db", "psql", "-At", "-c", REPLICAS],
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout.split() == [f"anne@{DOMAIN}|third", f"eve@{DOMAIN}|third"]
    finally:
        shutil.rmtree(third)


@pytest.mark.parametrize(("name", "value"), [("max_wal_size", "'1GB'"), ("wal_compression", "off")])
def test_a_large_database_gets_its_wal(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setattr(database, "LARGE_BYTES", 0)
    reload = "SELECT pg_reload_conf()"
    try:
        test_what_is_pasted_mends_it(
            machine, Case(f"database.{name}", sql(f"ALTER SYSTEM SET {name} = {value}", reload))
        )
    finally:
        sql(f"ALTER SYSTEM RESET {name}", reload)(machine)


REPLICAS = """
SELECT account.address, shard.name FROM account JOIN shard ON shard.id = account.replica_shard_id ORDER BY 1
"""


def test_every_finding_is_mended_or_has_its_reason() -> None:
    """What is looked for, as its source names it; `f"postfix.{name}"` are in MISTAKES."""
    source = "".join(path.read_text() for path in Path(mda.checks.__file__).parent.glob("*.py"))
    wrong = re.findall(r'(?:error|warning)\(\s*f?"([a-z]+\.[a-z_{}]+)"', source)
    assert len(wrong) > 40
    tried = {case.finding for case in (*CASES, *OF_SERVERS)} | SENTENCES.keys() | HOLDS_FOR_THE_CALLER | BY_ITSELF
    assert {name for name in wrong if "{" not in name} - tried == set()


BY_ITSELF = {
    *("database.collation", "database.long_transaction", "shard.writable", "shard.replicas"),
    *("database.connections", "database.shared_buffers"),  # as the line of database.max_connections
    *("database.max_wal_size", "database.wal_compression"),  # `test_a_large_database_gets_its_wal`
    "postfix.pipe_size_exact",  # TOGETHER
}
