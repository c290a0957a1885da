"""`mda config` and `mda db`."""

import json
import os
import subprocess
from pathlib import Path

from sqlalchemy import Engine, text

from mda.metadata.schema import migrate
from tests.unit.cli.conftest import PROGRAM, System

HEAD = migrate.newest()


def test_show_masks_the_password_wherever_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "mda.toml"
    for url in ("postgresql://mda:hunter2@db1/mda", "postgresql://mda@db1/mda?password=hunter2&sslmode=require"):
        file.write_text(f'[database]\nurl = "{url}"')
        for options in ((), ("--json",), ("--changed",)):
            output = System(file, tmp_path).done("config", "show", *options)
            assert "hunter2" not in output
            assert "db1" in output


def test_show_lists_every_key_or_what_was_changed(tmp_path: Path) -> None:
    file = tmp_path / "mda.toml"
    file.write_text("[lmtp]\nrecipients = 7\ntrusted_users = ['a', 'b']")
    system = System(file, tmp_path)
    assert system.done("config", "show", "--changed").splitlines() == [
        'lmtp.trusted_users = ["a", "b"]',
        "lmtp.recipients = 7",
    ]
    whole = system.done("config", "show")
    assert 'delivery.over_quota = "reject"' in whole
    assert "spam.enabled = true" in whole
    assert json.loads(system.done("config", "show", "--json"))["lmtp"]["recipients"] == 7


def test_check_refuses_and_warns(tmp_path: Path) -> None:
    file = tmp_path / "mda.toml"
    system = System(file, tmp_path)
    file.write_text("[lmtp]\nrecipient = 7")
    unknown = system.run("config", "check")
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert "unknown key lmtp.recipient" in unknown.stderr
    assert "did you mean lmtp.recipients?" in unknown.stderr
    file.write_text(
        f'data_dir = "{tmp_path / "absent"}"\n[lmtp]\ntcp = "0.0.0.0:24"\nsocket = "{"x" * 110}"\n'
        f'[delivery]\nreceipt_days = 3\n[spam]\nmodel = "{tmp_path / "none.bin"}"'
    )
    result = system.run("config", "check")
    assert (result.exit_code, result.stdout) == (2, "")
    levels = {one["name"]: one["level"] for one in json.loads(system.run("config", "check", "--json").stdout)}
    assert levels["settings.data_dir"] == "error"
    warned = ("data_dir", "spam.model", "lmtp.socket", "delivery.receipt_days", "lmtp.tcp")
    assert [key for key in warned if key not in result.stderr] == []
    file.write_text(f'data_dir = "{tmp_path}"\n[delivery]\nreceipt_days = 3')
    assert system.run("config", "check").exit_code == 1
    file.write_text(f'data_dir = "{tmp_path}"')
    assert (system.run("config", "check").exit_code, system.run("config", "check").stderr) == (0, "")


def test_status_tells_whether_the_schema_fits(system: System) -> None:
    assert json.loads(system.done("db", "status", "--json")) == {
        "revision": HEAD,
        "needed": HEAD,
        "is_current": True,
        "is_served": True,
    }
    assert system.done("db", "upgrade") == f"schema is at {HEAD} already\n"


def test_downgrade_asks_and_upgrade_brings_back(system: System) -> None:
    no = system.run("db", "downgrade", "base", answer="n\n")
    assert no.exit_code == 1
    assert "rows of dropped tables are lost" in no.stderr
    assert system.done("db", "downgrade", "base", "--yes") == f"downgraded schema from {HEAD} to none\n"
    listing = system.run("account", "list")
    assert listing.exit_code == 75
    assert "mda init" in listing.stderr
    assert system.run("db", "status").exit_code == 1
    assert system.done("db", "upgrade") == f"upgraded schema from none to {HEAD}\n"


def test_unknown_revision_is_no_traceback(system: System) -> None:
    assert "9999" in system.refused("db", "upgrade", "9999")
    assert "9999" in system.refused("db", "downgrade", "9999", "--yes")


def test_service_refuses_an_old_schema(system: System) -> None:
    system.done("db", "downgrade", "base", "--yes")
    assert f"this program needs {HEAD}; run: mda init" in system.refused("deliver", "anne@example.org", answer="")
    environment = {**os.environ, "MDA_CONFIG": str(system.file)}
    served = subprocess.run([*PROGRAM, "serve"], env=environment, capture_output=True, text=True, check=False)
    assert served.returncode == 1
    assert f"this program needs {HEAD}; run: mda init" in served.stderr
    assert "Traceback" not in served.stderr


def test_monitor_that_serve_would_refuse_is_told(system: System) -> None:
    system.file.write_text(f'data_dir = "{system.data_dir}"\n[monitor]\ntcp = "192.0.2.1:80"\n')
    assert "error: monitor.tcp 192.0.2.1:80 is no loopback address" in system.run("config", "check").stderr


def test_a_key_is_set_where_the_settings_stay_valid(system: System) -> None:
    system.file.chmod(0o604)
    before = system.file.read_text()
    assert system.done("config", "set", "delivery.receipt_days", "9") == f"set delivery.receipt_days in {system.file}\n"
    assert system.file.read_text() == before.replace("#receipt_days = 7", "receipt_days = 9")
    assert system.file.stat().st_mode & 0o777 == 0o604
    for key, value in (("delivery.receipt_day", "9"), ("delivery.receipt_days", "0"), ("delivery.receipt_days", "few")):
        assert key in system.refused("config", "set", key, value)
    assert system.listed("config", "show")["delivery"]["receipt_days"] == 9
    system.done("config", "set", "lmtp.trusted_users", '["a", "b c"]')
    system.done("config", "set", "delivery.recipient_delimiter", "-")
    shown = system.listed("config", "show")
    assert (shown["lmtp"]["trusted_users"], shown["delivery"]["recipient_delimiter"]) == (["a", "b c"], "-")
    assert [path.name for path in system.file.parent.iterdir() if "draft" in path.name] == []


def test_psql_reaches_the_database_and_ends_as_it_does(system: System) -> None:
    environment = {**os.environ, "MDA_CONFIG": str(system.file)}
    asked = [*PROGRAM, "db", "psql", "-At", "-c"]
    done = subprocess.run(
        [*asked, "SELECT name FROM shard"], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "first\n"
    wrong = subprocess.run([*asked, "SELECT nothing FROM nowhere"], env=environment, capture_output=True, check=False)
    assert wrong.returncode == 1


def test_schema_of_a_later_program_is_not_taken_for_a_mistyped_revision(system: System, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for words in (("db", "upgrade"), ("db", "upgrade", "--dry-run"), ("db", "downgrade", "0007", "--yes")):
        error = system.refused(*words)
        assert "at revision 9999, which this program does not know" in error
        assert "install the version that goes with it" in error
