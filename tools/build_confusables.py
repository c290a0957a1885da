"""Writes csrc/antispam/confusables.c: what a reader takes each character for, as the classifier is to see it.

    python -m tools.build_confusables [--check]

Two sources. Unicode 3.2's compatibility decompositions, as Python has them (`unicodedata.ucd_3_2_0`, which no new
version of Python changes), give accented, full-width, circled and mathematical letters. LOOKALIKES below are ours:
letters of other scripts that look like Latin ones, chosen after Unicode Technical Standard 39, "Unicode Security
Mechanisms", and its notion of a skeleton; each stands with all characters of that look, and small letters with the
small capitals that they look like. What has no look of its own (zero-width characters, soft hyphens, combining marks)
is left out.

Letters of Cyrillic and Greek that look like nothing else become small ones, so that a word at the beginning of a
sentence is the same word. --check only says whether the file is what it should be.
"""

import sys
from pathlib import Path
from unicodedata import ucd_3_2_0 as unicode_data

OUTPUT = Path(__file__).resolve().parent.parent / "csrc" / "antispam" / "confusables.c"
LAST = 0x1FFFF

LOOKALIKES = {
    "a": "аɑαΑᴀ",
    "b": "вьƅΒβʙ",
    "c": "сϲᴄⅽ",
    "d": "ԁᴅɖ",
    "e": "еєΕεᴇҽ",
    "f": "ƒꜰ",
    "g": "ɡցɢԍ",
    "h": "нһհΗʜ",
    "i": "іıɩιΙɪ",
    "j": "јϳᴊ",
    "k": "кκΚᴋҝқ",
    "l": "ӏʟłӀ",
    "m": "мΜᴍ",
    "n": "пηոΝɴ",
    "o": "оοΟσօᴏøө",
    "p": "рρΡᴘ",
    "q": "ԛզ",
    "r": "гʀɼ",
    "s": "ѕꜱſ",
    "t": "тτΤᴛ",
    "u": "υսᴜʋ",
    "v": "ѵνᴠ",
    "w": "ԝωᴡѡ",
    "x": "хχΧ",
    "y": "уγΥʏү",
    "z": "Ζᴢʐ",
    "'": "‘’‚‛ʼ´",
    '"': "“”„‟«»",
    "-": "‐‑‒–—―−",
}
# Marks are those of Latin, Greek and Cyrillic letters: in other scripts they are vowels.
INVISIBLE = (
    (0x00AD, 0x00AD),
    (0x0300, 0x036F),
    (0x0483, 0x0486),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180E),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x20D0, 0x20F0),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0x1D173, 0x1D17A),
)
STROKED = {"đ": "d", "ħ": "h", "ŧ": "t", "ƀ": "b", "ɨ": "i", "ƶ": "z"}
LIGATURES = {"Æ": "ae", "æ": "ae", "Œ": "oe", "œ": "oe", "ß": "ss"}
PAIRS = ("ae", "oe", "ss", "ff", "fi", "fl")
BOXED = (0x1F130, 0x1F150, 0x1F170)
"""Letters A to Z in squares and circles, younger than Unicode 3.2."""

KEEP, DROP, ADD_32, ADD_80, ADD_1, FIRST_PAIR = range(6)
"""Entries below a space; what is above is the ASCII character itself."""


def main() -> int:
    text = render(entries())
    if "--check" in sys.argv:
        return 0 if OUTPUT.read_text("utf-8") == text else 1
    OUTPUT.write_text(text, "utf-8")
    return 0


def entries() -> dict[int, int]:
    """What becomes of each code point above 127 that does not stay as it is."""
    alike = {ord(other): ord(letter) for letter, others in LOOKALIKES.items() for other in others}
    alike |= {ord(other): ord(letter) for other, letter in STROKED.items()}
    alike |= {first + index: ord("a") + index for first in BOXED for index in range(26)}
    found = {}
    for code in range(0x80, LAST + 1):
        entry = _entry(code, alike)
        if entry != KEEP:
            found[code] = entry
    return found


def _entry(code: int, alike: dict[int, int]) -> int:
    character = chr(code)
    if any(first <= code <= last for first, last in INVISIBLE):
        return DROP
    if code in alike:
        return alike[code]
    base = _base(character)
    if base in PAIRS:
        return FIRST_PAIR + PAIRS.index(base)
    if len(base) == 1 and base.isascii() and base >= " ":
        return ord(base)
    small = _base(character.lower())
    if len(small) == 1:
        return alike.get(ord(small)) or _step(code, ord(small))
    return KEEP


def _base(character: str) -> str:
    """Without marks and style, in lower case as far as ASCII goes."""
    whole = unicode_data.normalize("NFKD", LIGATURES.get(character, character))
    base = "".join(one for one in whole if unicode_data.category(one) != "Mn")
    return base.lower() if base.isascii() else base


def _step(code: int, small: int) -> int:
    """Greek and Cyrillic only: the blocks where a capital and its small letter are so far apart."""
    return {32: ADD_32, 80: ADD_80, 1: ADD_1}.get(small - code, KEEP) if 0x0370 <= code <= 0x052F else KEEP


def render(found: dict[int, int]) -> str:
    """The C file."""
    numbers = sorted({code >> 8 for code in found})
    lines = [
        "/* Written by `python -m tools.build_confusables`, which says what it is made of; see confusables.h. */",
        '#include "confusables.h"',
        "",
        "const uint8_t SPAM_CONFUSABLE_PAGE[SPAM_CONFUSABLE_LAST / 256 + 1] = {",
        *(f"    [0x{number:03X}] = {index}," for index, number in enumerate(numbers, 1)),
        "};",
        "",
        f"const uint8_t SPAM_CONFUSABLE[{len(numbers) + 1}][256] = {{",
        "    {0},",
    ]
    for number in numbers:
        row = [str(found.get(number << 8 | low, KEEP)) for low in range(256)]
        body = [", ".join(row[at : at + 32]) for at in range(0, 256, 32)]
        lines += [f"    {{ /* U+{number << 8:04X} */", *(f"     {line}," for line in body[:-1]), f"     {body[-1]}}},"]
    return "\n".join([*lines, "};", ""])


if __name__ == "__main__":
    sys.exit(main())
