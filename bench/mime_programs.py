"""The C programs of the MIME benchmark, compiled as the extension is. Needs nothing but a C compiler."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "build" / "bench"
PARSER = [f"-I{ROOT / 'csrc'}", *map(str, sorted((ROOT / "csrc" / "mime").glob("*.c")))]
COSTLY = [f"-I{ROOT / 'tests' / 'c' / 'mime'}", str(ROOT / "tests" / "c" / "mime" / "costly.c")]
"""Mails that are made to be dear."""


def compile_c(name: str, sources: Sequence[str], libraries: Sequence[str] = (), folder: Path = OUTPUT) -> Path:
    """The program of bench/NAME.c."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    command = ["cc", "-std=c11", "-O3", "-o", str(program), str(ROOT / "bench" / f"{name}.c"), *sources, *libraries]
    subprocess.run(command, check=True)
    return program
