"""The layers: who may import whom, and who alone may touch the C library, the database, the environment, the exit.

Read from the sources' syntax trees, so a module that nobody imports is held too.

    {servers, cli} -> {maintenance, transfer} -> {delivery, learning, checks}
    -> {antispam, storage, metadata, mime, auth, postfix}
    -> mda/*.py
"""

import ast
import configparser
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = tuple(sorted((ROOT / "mda").rglob("*.py")))

LEVELS = {
    "plain": 0,
    "antispam": 1,
    "storage": 1,
    "metadata": 1,
    "mime": 1,
    "auth": 1,
    "postfix": 1,
    "delivery": 2,
    "learning": 2,
    "checks": 2,
    "maintenance": 3,
    "transfer": 3,
    "servers": 4,
    "cli": 4,
}
"""A layer imports from lower levels and from itself; `cli` may start `servers` too, never the other way."""

DATABASE_LIBRARIES = {"sqlalchemy", "psycopg2", "alembic"}
CLI_LIBRARIES = {"click", "rich"}


def layer(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in LEVELS else "plain"


def name_of(source: Path) -> str:
    parts = source.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def nodes(source: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(source.read_text())))


def imported(source: Path) -> Iterator[str]:
    """Every module that a source imports, also inside functions; `from a import b` counts as a.b too."""
    for node in nodes(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def attributes(source: Path) -> Iterator[str]:
    """Every dotted name that a source uses: `os.environ`, `sys.exit`."""
    for node in nodes(source):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def may_import(importer: str, wanted: str) -> bool:
    own, other = layer(importer), layer(wanted)
    if own == other or (own, other) == ("cli", "servers"):
        return True
    return LEVELS[other] < LEVELS[own]


def test_sources_were_found() -> None:
    assert len(SOURCES) > 40
    assert {layer(name_of(source)) for source in SOURCES} == set(LEVELS)


@pytest.mark.parametrize(
    ("importer", "wanted", "allowed"),
    [
        ("mda.cli.main", "mda.servers.supervisor", True),
        ("mda.servers.worker", "mda.cli.main", False),
        ("mda.delivery.plan", "mda.mime.message", True),
        ("mda.mime.message", "mda.delivery.plan", False),
        ("mda.mime.message", "mda.storage.reader", False),
        ("mda.mime.message", "mda.binding", True),
        ("mda.maintenance.check", "mda.delivery.inspect", True),
        ("mda.delivery.compose", "mda.maintenance.check", False),
        ("mda.binding", "mda.mime", False),
        ("mda.storage.reader", "mda.storage.record", True),
    ],
)
def test_rule_itself(importer: str, wanted: str, allowed: bool) -> None:
    assert may_import(importer, wanted) is allowed


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_imports_point_down(source: Path) -> None:
    wanted = {module for module in imported(source) if module.split(".")[0] == "mda"}
    assert sorted(module for module in wanted if not may_import(name_of(source), module)) == []


def importers_of(libraries: set[str]) -> set[str]:
    return {
        name_of(source)
        for source in SOURCES
        if any(module.split(".")[0] in libraries or module in libraries for module in imported(source))
    }


def test_only_binding_sees_the_c_library() -> None:
    importers = importers_of({"mda._core", "cffi", "_cffi_backend"})
    assert importers
    assert {importer.rpartition(".")[0] for importer in importers} == {"mda.binding"}


def test_only_metadata_sees_the_database_libraries() -> None:
    importers = importers_of(DATABASE_LIBRARIES)
    assert importers
    assert {layer(importer) for importer in importers} == {"metadata"}


def test_only_cli_sees_its_framework() -> None:
    assert {layer(importer) for importer in importers_of(CLI_LIBRARIES)} == {"cli"}


def test_only_settings_reads_the_environment() -> None:
    reading = {"os.environ", "os.environb", "os.getenv", "os.putenv", "os.unsetenv"}
    assert {name_of(source) for source in SOURCES if reading & set(attributes(source))} == {"mda.settings"}
    assert not any(module in reading for source in SOURCES for module in imported(source))


def test_only_servers_and_cli_end_the_process() -> None:
    ending = {"sys.exit", "os._exit", "os.abort"}
    enders = {name_of(source) for source in SOURCES if ending & set(attributes(source))}
    assert enders
    assert {layer(ender) for ender in enders} <= {"servers", "cli"}
    named = {"exit", "quit", "SystemExit"}
    for source in SOURCES:
        names = {node.id for node in nodes(source) if isinstance(node, ast.Name)}
        assert not names & named or layer(name_of(source)) in ("servers", "cli"), source


def test_packages_of_setup_cfg_are_the_folders() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    elsewhere = {
        line.split("=")[0].strip(): line.split("=")[1].strip()
        for line in config["options"]["package_dir"].strip().splitlines()
    }
    folders = {name_of(source) for source in SOURCES if source.name == "__init__.py"}
    assert listed == folders | set(elsewhere)
    assert [folder for folder in elsewhere.values() if not (ROOT / folder).is_dir()] == []


def test_every_folder_of_sources_is_a_package() -> None:
    assert {source.parent for source in SOURCES if not (source.parent / "__init__.py").exists()} == set()


def test_no_file_is_longer_than_its_reader_can_hold() -> None:
    assert [name_of(source) for source in SOURCES if len(source.read_text().splitlines()) > 400] == []
