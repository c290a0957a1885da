"""Runs the real supervisor for the tests: `python -m tests.unit.servers.serving SETTINGS`."""

import os
import sys
from pathlib import Path

from mda import settings
from mda.errors import MdaError
from mda.servers import child
from mda.servers.supervisor import serve

COMPOSER = "tests.unit.servers.recording:compose"


def main() -> int:
    file = Path(sys.argv[1])
    child.STILL_SECONDS = float(os.environ.get("MDA_TEST_STILL_SECONDS", child.STILL_SECONDS))
    try:
        return serve(lambda: settings.load(file, {}), composer=COMPOSER)
    except MdaError as error:
        sys.stderr.write(f"serving: {error}\n")
        return 78


if __name__ == "__main__":
    sys.exit(main())
