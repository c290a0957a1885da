"""The two build steps that setup.cfg can't name: the C core through CFFI, and the mda-pipe program."""

import shlex
import subprocess
import sysconfig
from pathlib import Path

from setuptools import setup

# isort: split
from distutils.command.build_scripts import build_scripts  # setuptools' own, since it was imported first


class BuildScriptsWithPipe(build_scripts):
    """Compiles csrc/pipe into a `mda-pipe` executable, installed beside the console scripts."""

    def run(self) -> None:
        self.mkpath(self.build_dir)
        subprocess.run(
            [
                "sh",
                "csrc/pipe/build.sh",
                str(Path(self.build_dir) / "mda-pipe"),
                *shlex.split(sysconfig.get_config_var("CC") or "cc"),
            ],
            check=True,
        )

    def get_source_files(self) -> list[str]:
        return [str(path) for path in sorted(Path("csrc/pipe").iterdir())]

    def get_outputs(self) -> list[str]:
        return [str(Path(self.build_dir) / "mda-pipe")]


setup(
    cffi_modules=["cffi_build/core.py:ffibuilder"],
    scripts=["csrc/pipe/build.sh"],
    cmdclass={"build_scripts": BuildScriptsWithPipe},
)
