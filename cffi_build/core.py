"""Builds mda._core: the C core (csrc/mime, csrc/antispam, csrc/lmtp) through CFFI in out-of-line API mode.

The public headers are read verbatim: what stands between `cdef begin` and `cdef end` is the declaration CFFI sees and
the compiler sees, so that there is one truth. Run as a program, it compiles mda/_core in place; setup.py takes
`ffibuilder`. It decides nothing about types or limits.
"""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("csrc/mime", "csrc/antispam", "csrc/lmtp")
_CDEF = re.compile(r"/\* cdef begin \*/\n(.*?)/\* cdef end \*/", re.DOTALL)
_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def public_headers() -> list[Path]:
    """The headers that hold a cdef part, each after those that it includes."""
    ordered: dict[Path, None] = {}

    def visit(path: Path) -> None:
        text = path.read_text("utf-8")
        for name in _INCLUDE.findall(text):
            visit((path.parent / name).resolve())
        if _CDEF.search(text):
            ordered[path] = None

    for folder in FOLDERS:
        for path in sorted((ROOT / folder).glob("*.h")):
            visit(path)
    return list(ordered)


def declarations() -> str:
    """The cdef parts of all public headers, in order."""
    return "\n".join(part for path in public_headers() for part in _CDEF.findall(path.read_text("utf-8")))


def _files(suffix: str, base: Path) -> list[str]:
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob(f"*{suffix}"))]
    return [(base / path.relative_to(ROOT)).as_posix() for path in found]


def builder(base: Path = Path()) -> FFI:
    """The extension, its files named below `base`: the current folder for setuptools, which refuses absolute names."""
    ffi = FFI()
    ffi.cdef(declarations())
    ffi.set_source(
        "mda._core",
        "\n".join(f'#include "{path.relative_to(ROOT / "csrc").as_posix()}"' for path in public_headers()),
        sources=_files(".c", base),
        depends=_files(".h", base),
        include_dirs=[(base / "csrc").as_posix()],
        extra_compile_args=["-std=c11", "-O3", "-fvisibility=hidden", "-pthread"],
    )
    return ffi


def compile_in_place(verbose: bool = False) -> Path:
    """Compiles in a folder of its own and moves the module into mda/ in one step: two builds at once don't mix, and
    a process that has the old module mapped keeps it. The name is the one that setuptools gives it, as CFFI's
    modules keep to the stable ABI; one built under another name would be found first and is removed."""
    target = ROOT / "mda" / "_core.abi3.so"
    with tempfile.TemporaryDirectory(prefix="mda-core-") as folder:
        built = builder(ROOT).compile(tmpdir=folder, verbose=verbose)
        moving = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copy(built, moving)
    moving.replace(target)
    for stale in target.parent.glob("_core.cpython-*.so"):
        stale.unlink()
    return target


ffibuilder = builder()


if __name__ == "__main__":
    compile_in_place(verbose="-v" in sys.argv)
