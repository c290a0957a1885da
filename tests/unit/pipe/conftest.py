"""Both builds of mda-pipe: as it is installed, and with the address and undefined behaviour sanitisers."""

from pathlib import Path

import pytest

from tests.unit.pipe.program import BUILDS, Program, build


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One folder for the whole run, whatever the number of processes it is spread over."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "mda-pipe"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", params=BUILDS)
def program(request: pytest.FixtureRequest, shared_folder: Path) -> Program:
    return Program(build(shared_folder, request.param), request.param)


@pytest.fixture(scope="session")
def installed(shared_folder: Path) -> Program:
    """The build as it is installed, for limits under which the sanitisers can't even start."""
    return Program(build(shared_folder, "plain"), "plain")
