"""A folder that Postfix's users can enter, and a whole MDA in it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.instance import Instance


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A short, fresh folder with mode 0755: sockets stand in it, and users other than ours must get there."""
    folder = Path(tempfile.mkdtemp(prefix="mda-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def instance(open_folder: Path, database_url: str) -> Iterator[Instance]:
    """An MDA that any user may connect to; the test prepares and starts it, and its end is seen to here."""
    made = Instance(open_folder, database_url, options='[lmtp]\nsocket_mode = "0666"\n')
    yield made
    made.close()
