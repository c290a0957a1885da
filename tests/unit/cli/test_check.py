"""`mda check`: its exit codes, its forms, and how far it gets when something is broken."""

import json

from click.testing import CliRunner

from mda.cli.main import root
from tests.unit.cli.conftest import System


def names(system: System, *arguments: str, status: int) -> dict[str, str]:
    result = system.run("check", "--no-postfix", "--json", *arguments)
    assert result.exit_code == status, result.output
    return {one["name"]: one["level"] for one in json.loads(result.stdout)}


def test_a_new_system_is_well(system: System) -> None:
    found = names(system, status=0)
    assert {"settings.file", "database.server", "database.schema", "shard.disk", "core.processor", "spam.model"} <= set(
        found
    )
    assert set(found.values()) <= {"ok", "skipped"}


def test_plain_form(system: System) -> None:
    (system.data_dir / "shards/first/shard").unlink()
    result = system.run("check", "--no-postfix")
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("error"))
    assert lines[at].split(maxsplit=2)[1] == "shard"
    assert lines[at + 1].split()[0] == "so:"
    assert lines[at + 2].split()[0] == "do:"
    assert result.stderr.strip() == "1 error, no warnings"
    quiet = system.run("check", "--no-postfix", "--quiet")
    assert quiet.exit_code == 2
    assert all(not line.startswith("ok") for line in quiet.stdout.splitlines())


def test_warnings_exit_with_1(system: System) -> None:
    system.file.write_text(system.file.read_text().replace("#receipt_days = 7", "receipt_days = 3"))
    assert names(system, "--quiet", status=1) == {"settings.receipt_days": "warning"}


def test_settings_that_can_not_be_read(system: System) -> None:
    system.file.write_text("data_dirr = 3\n")
    assert names(system, status=2) == {"settings.file": "error"}


def test_database_that_is_down_does_not_hide_the_rest(system: System) -> None:
    down = {"MDA_DATABASE_URL": "postgresql://mda:secret@127.0.0.1:1/mda"}
    result = system.run("check", "--no-postfix", environment=down)
    assert result.exit_code == 2
    assert "secret" not in result.output
    assert "spam" in result.stdout
    assert "error   database" in result.stdout


def test_model_that_is_not_there(system: System) -> None:
    system.file.write_text(system.file.read_text().replace('#model = ""', 'model = "/nowhere/model.bin"'))
    found = names(system, "--quiet", status=2)
    assert found == {"settings.spam_model": "error", "spam.model": "error"}


def test_damaged_trained_model_is_a_warning(system: System) -> None:
    trained = system.data_dir / "spam/trained.bin"
    trained.parent.mkdir(exist_ok=True)
    trained.write_bytes(b"damaged")
    assert names(system, "--quiet", status=1) == {"spam.trained": "warning"}


def test_no_color_is_held(system: System) -> None:
    words = ("--config", str(system.file), "check", "--no-postfix")
    coloured, plain = (
        CliRunner(env={"NO_COLOR": said, "MDA_DATABASE_URL": None}).invoke(root, words, color=True).stdout
        for said in ("", "1")
    )
    assert "\x1b[" in coloured
    assert "\x1b[" not in plain
