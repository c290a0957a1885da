"""A shard's zstd dictionaries: what its mails have in common, kept once.

    root/dictionaries/0000c350-89abcdef.dict    id and CRC-32 of the file, both in hexadecimal

A record names the dictionary that its body was compressed with; so none is ever deleted while a record may name it. The
one with the highest id is used for new records. Ids are those that zstd writes into a dictionary, from 32768 (RFC 8878
s5 reserves those below) up. The first of all, FIRST_ID, is the base dictionary that comes with the package: a shard has
it before its first mail (tools/build_base_dictionary.py).
"""

import threading
import zlib
from importlib import resources
from pathlib import Path

import zstandard

from mda.errors import StorageUnavailable
from mda.storage import unwritable
from mda.storage.record import Flaw, Malformed
from mda.storage.syscalls import Syscalls, make_folder, replace_file

FOLDER = "dictionaries"
FIRST_ID = 32_768
MOST_ID = 2_147_483_647
DICTIONARY_BYTES = 112_640
"""What a training makes at most: on mails of 3 KB larger ones gain little."""

BASE_DICTIONARY = "base.dict"
BASE_BYTES = 65_536


class Dictionaries:
    """Loads dictionaries when they are first asked for; may be shared by threads."""

    def __init__(self, root: Path | None = None) -> None:
        self._folder = None if root is None else root / FOLDER
        self._lock = threading.Lock()
        self._loaded: dict[int, zstandard.ZstdCompressionDict] = {}

    def get(self, dictionary_id: int) -> zstandard.ZstdCompressionDict:
        """Malformed where the shard has no sound dictionary of that id: without it the body can't be read."""
        with self._lock:
            found = self._loaded.get(dictionary_id)
            if found is None:
                found = self._loaded[dictionary_id] = zstandard.ZstdCompressionDict(self._read(dictionary_id))
            return found

    def newest(self) -> int:
        """The id of the one for new records; 0 where there is none, or none that can be read: mail is stored all the
        same."""
        try:
            number = max((number for number, _ in list_dictionaries(self._folder)), default=0)
            if number:
                self.get(number)
        except (Malformed, OSError):
            return 0
        return number

    def _read(self, dictionary_id: int) -> bytes:
        for number, path in list_dictionaries(self._folder):
            if number == dictionary_id:
                try:
                    octets = path.read_bytes()
                except OSError as error:
                    raise Malformed(Flaw.DICTIONARY) from error
                if zlib.crc32(octets) == int(path.stem.partition("-")[2], 16):
                    return octets
        raise Malformed(Flaw.DICTIONARY)


def list_dictionaries(folder: Path | None) -> list[tuple[int, Path]]:
    """Ids and files of a folder, in order; nothing where there is no such folder."""
    if folder is None:
        return []
    names = (path for path in folder.glob("*-*.dict") if len(path.stem) == len("00000000-00000000"))
    return sorted((int(path.stem.partition("-")[0], 16), path) for path in names)


def train(samples: list[bytes], dictionary_id: int, size: int = DICTIONARY_BYTES) -> bytes:
    """A dictionary for mails like these; StorageUnavailable where they are too few or too short for one."""
    try:
        return zstandard.train_dictionary(size, [*samples], dict_id=dictionary_id, level=3).as_bytes()
    except zstandard.ZstdError as error:
        raise StorageUnavailable(
            f"no dictionary can be trained of {len(samples)} messages", "let more arrive"
        ) from error


def install(root: Path, dictionary: bytes) -> int:
    """Keeps a dictionary in the shard, durably; its id. From then on records may name it."""
    number = zstandard.ZstdCompressionDict(dictionary).dict_id()
    system = Syscalls()
    try:
        make_folder(system, root / FOLDER)
        replace_file(system, root / FOLDER / f"{number:08x}-{zlib.crc32(dictionary):08x}.dict", dictionary)
    except OSError as error:
        raise StorageUnavailable(f"{root / FOLDER}: {error.strerror}", unwritable.remedy(root, error)) from error
    return number


def install_base(root: Path) -> None:
    """Gives a shard the package's dictionary, unless it has one already."""
    if not list_dictionaries(root / FOLDER):
        install(root, resources.files("mda.storage").joinpath(BASE_DICTIONARY).read_bytes())


def next_id(root: Path) -> int:
    """An id above all that the shard has."""
    return max((number for number, _ in list_dictionaries(root / FOLDER)), default=FIRST_ID) + 1
