"""mda.settings: the file that documents every key, the precedence of its sources, and what a wrong file is told."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mda import settings
from mda.binding import DEFAULT_LIMITS
from mda.errors import SettingsError
from mda.settings import Settings

TEMPLATE = Path(__file__).parents[2] / "conf" / "mda.toml"
COMMENTED_KEY = re.compile(r"^#([a-z_]+ = )", re.MULTILINE)


def keys(struct: type[msgspec.Struct], prefix: str = "") -> set[str]:
    found = set()
    for field in msgspec.structs.fields(struct):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            found |= keys(field.type, f"{prefix}{field.name}.")
        else:
            found.add(prefix + field.name)
    return found


def flat(tree: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for key, value in tree.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key}
    return found


@pytest.fixture
def uncommented() -> str:
    return COMMENTED_KEY.sub(r"\1", TEMPLATE.read_text())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mda.toml"


def test_template_names_every_key_and_no_other(uncommented: str) -> None:
    assert flat(tomllib.loads(uncommented)) == keys(Settings)


def test_template_states_the_defaults(uncommented: str, file: Path) -> None:
    file.write_text(uncommented)
    assert settings.load(file, {}) == Settings()


def test_template_as_it_stands_changes_nothing() -> None:
    assert settings.load(TEMPLATE, {}) == Settings()
    assert flat(tomllib.loads(TEMPLATE.read_text())) == set()


def test_every_key_of_the_template_is_explained() -> None:
    lines = TEMPLATE.read_text().splitlines()
    explained = {line: above.startswith("# ") for above, line in pairwise(lines) if COMMENTED_KEY.match(line)}
    assert [line for line, is_explained in explained.items() if not is_explained] == []


def test_named_file_wins_over_the_environment(tmp_path: Path) -> None:
    named, from_environment = tmp_path / "named.toml", tmp_path / "environment.toml"
    named.write_text('data_dir = "/named"')
    from_environment.write_text('data_dir = "/environment"')
    environment = {"MDA_CONFIG": str(from_environment)}
    assert settings.load(named, environment).data_dir == "/named"
    assert settings.load(None, environment).data_dir == "/environment"
    assert settings.locate(named, environment) == named
    assert settings.locate(None, environment) == from_environment
    assert settings.locate(None, {}) == settings.DEFAULT_FILE


def test_database_url_of_the_environment_replaces_the_files(file: Path) -> None:
    file.write_text('[database]\nurl = "postgresql://file/mda"\nconnect_timeout_seconds = 7')
    loaded = settings.load(file, {"MDA_DATABASE_URL": "postgresql://environment/mda"})
    assert loaded.database.url == "postgresql://environment/mda"
    assert loaded.database.connect_timeout_seconds == 7
    assert settings.load(file, {"MDA_DATABASE_URL": ""}).database.url == "postgresql://file/mda"


def test_named_file_that_is_not_there_is_refused(file: Path) -> None:
    for attempt in ({"file": file}, {"environment": {"MDA_CONFIG": str(file)}}):
        with pytest.raises(SettingsError, match="No such file") as caught:
            settings.load(**{"environment": {}} | attempt)
        assert "mda init" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ('dta_dir = "/x"', "unknown key dta_dir", "did you mean data_dir?"),
        ("[lmtp]\nmesage_bytes = 1", "unknown key lmtp.mesage_bytes", "did you mean lmtp.message_bytes?"),
        ("[lmpt]\nrecipients = 1", "unknown key lmpt", "did you mean lmtp?"),
        (
            "[spam]\nzzz = 1",
            "unknown key spam.zzz",
            "known keys are: enabled, threshold, model, authserv_id, "
            "authserv_strips, front_header, front_weight, trainer_seconds",
        ),
        ("data_dir = 7", "data_dir: Expected `str`, got `int`", ""),
        ("[lmtp]\nrecipients = 'many'", "lmtp.recipients: Expected `int`, got `str`", ""),
        ("database = 3", "database: Expected `object`, got `int`", ""),
        ("[delivery]\nover_quota = 'bounce'", "delivery.over_quota: Invalid enum value 'bounce'", ""),
        ("data_dir = 'relative'", "data_dir must be an absolute path", ""),
        ("[lmtp]\nrecipients = 0", "lmtp.recipients must be at least 1", ""),
        ("[delivery]\nbatch_bytes = -1", "delivery.batch_bytes must be at least 1", ""),
        ("[storage]\nsegment_bytes = 0", "storage.segment_bytes must be at least 1", ""),
        ("[storage]\ncompression_level = 20", "storage.compression_level must be 1", ""),
        ("[lmtp]\nmessage_bytes = 104857601", "lmtp.message_bytes must be at most 104857600", ""),
        ("[delivery]\nin_flight_bytes = 52428799", "delivery.in_flight_bytes must be at least lmtp.message_bytes", ""),
        ("[lmtp]\ncommand_bytes = 512", "lmtp.command_bytes must be at least 2048", ""),
        ("[database]\nconnect_timeout_seconds = 0", "database.connect_timeout_seconds must be at least 1", ""),
        ("[database]\nstatement_timeout_seconds = 2147484", "statement_timeout_seconds must be at most 86400", ""),
        ("[database]\nlookup_cache_seconds = -1.0", "database.lookup_cache_seconds must be 0", ""),
        ("[lmtp]\nsocket_mode = '0888'", "lmtp.socket_mode must be octal digits", ""),
        ("[delivery]\nrecipient_delimiter = '+-'", "delivery.recipient_delimiter must be one character", ""),
        ("[spam]\nthreshold = 0.0", "spam.threshold must be above 0", ""),
        ("[spam]\nthreshold = 95", "spam.threshold must be above 0 and at most 1", ""),
        ("[lmtp]\nsocket_mode = '-660'", "lmtp.socket_mode must be octal digits", ""),
        ("[monitor]\nsocket_mode = '77777'", "monitor.socket_mode must be octal digits", ""),
        ("[database]\nlookup_cache_seconds = nan", "database.lookup_cache_seconds must be 0", ""),
        ("[workers]\ncount = 40000", "workers.count must be 0", ""),
        ("[workers]\ncount = -1", "workers.count must be 0", ""),
        ("[workers]\ngather_sessions = -1", "workers.gather_sessions must be 0", ""),
        ("[log]\nlevel = 'loud'", "log.level must be debug, info, warning or error", ""),
        ("[log]\nformat = 'xml'", "log.format must be logfmt or json", ""),
        ("data_dir = ", "not TOML", ""),
    ],
)
def test_wrong_file_is_told_where_and_what(file: Path, text: str, message: str, remedy: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        settings.load(file, {"MDA_DATABASE_URL": "postgresql://x/y"})
    assert caught.value.message.startswith(f"{file}: ")
    assert message in caught.value.message
    assert caught.value.remedy == remedy


def test_every_message_that_may_come_can_be_parsed() -> None:
    assert DEFAULT_LIMITS.size == settings.MOST_MESSAGE_BYTES


def test_socket_is_relative_to_the_data_folder_unless_absolute(file: Path) -> None:
    assert str(Settings(data_dir="/srv/mda").lmtp_socket) == "/srv/mda/lmtp.sock"
    file.write_text('[lmtp]\nsocket = "/run/mda/lmtp"')
    assert str(settings.load(file, {}).lmtp_socket) == "/run/mda/lmtp"


def test_workers_follow_the_cores_unless_set(file: Path) -> None:
    assert 1 <= Settings().worker_count <= 4
    file.write_text("[workers]\ncount = 9")
    assert settings.load(file, {}).worker_count == 9
