"""`mda serve` runs the package that it is, whatever lies in the folder where it is started."""

import tempfile
from pathlib import Path

from tests.integration.instance import COMMANDS, Instance


def test_a_package_of_our_name_in_the_working_folder_is_not_run(database_url: str) -> None:
    with tempfile.TemporaryDirectory(prefix="mda") as folder:
        foreign = Path(folder) / "sources"
        (foreign / "mda").mkdir(parents=True)
        (foreign / "mda/__init__.py").write_text("raise SystemExit('the wrong one')\n")
        serve = ("sh", "-c", f'cd "{foreign}" && exec "{COMMANDS}/mda" --config "$0" serve')
        instance = Instance(Path(folder), database_url, serve=serve)
        instance.prepare("example.org", ["anne"])
        try:
            instance.start()  # a worker answers
        finally:
            instance.close()
