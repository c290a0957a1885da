"""How fast the MIME parser is against its peers: `make bench-mime`, or `python -m bench.mime [ROUNDS]`.

Two sets: SA, the SpamAssassin corpus (`python -m tools.fetch_corpus`), and B64, 60 synthetic messages with text, html
in quoted-printable and one base64 attachment of 20 KB to 2 MB. Every round runs each contestant once over the set, in
the same process (the C API: in one child): a slice of the set goes through all of them, one after the other, before the
next slice is taken; so what else runs on the machine meets all of them.
Each goes through a slice three times, and only the third counts: memory that was idle for some seconds may have been
taken from a virtual machine, and to get a page back took 0.1 to 0.3 ms, thirty times what a mail does; the first one in
each slice paid that for all. Figures are medians of the rounds, in CPU time, ratios medians of each round's ratio.
Prints both and writes the ratios to build/bench/mime.json. It judges nothing: what ratio is enough is said elsewhere.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from bench import mime_contestants as contestants
from bench.mime_programs import COSTLY, PARSER, compile_c
from bench.mime_samples import attachment_messages, corpus_messages
from bench.scaffold import asked, write_results
from tools.fetch_corpus import DEFAULT_FOLDER

SLICES = 10
WARM_LAPS = 2
C_ROUNDS = 5
"""As many of the C API for one of the others: they take milliseconds."""

Contestant = Callable[[bytes], object]
Rates = dict[str, Sequence[float]]
"""MB/s of each round, by contestant."""

SA: Mapping[str, Contestant] = {
    "touch": contestants.touch,
    "all_headers": contestants.all_headers,
    "structure": contestants.structure,
    "delivery": contestants.delivery,
    "compat32": contestants.stdlib_compat32,
    "default": contestants.stdlib_default,
    "fast_mail_parser": contestants.fast_mail_parser_full,
    "fast_mail_parser_metadata": contestants.fast_mail_parser_metadata,
}
B64: Mapping[str, Contestant] = {
    "touch": contestants.touch,
    "delivery": contestants.delivery,
    "compat32": contestants.stdlib_compat32,
    "default": contestants.stdlib_default,
    "fast_mail_parser": contestants.fast_mail_parser_full,
}
RATIOS = {
    "sa.touch_vs_compat32": ("sa", "touch", "compat32"),
    "sa.touch_vs_default": ("sa", "touch", "default"),
    "sa.touch_vs_fast_mail_parser": ("sa", "touch", "fast_mail_parser"),
    "sa.all_headers_vs_compat32": ("sa", "all_headers", "compat32"),
    "sa.structure_vs_fast_mail_parser": ("sa", "structure", "fast_mail_parser_metadata"),
    "b64.touch_vs_compat32": ("b64", "touch", "compat32"),
    "b64.touch_vs_default": ("b64", "touch", "default"),
    "b64.touch_vs_fast_mail_parser": ("b64", "touch", "fast_mail_parser"),
    "sa.c_api_vs_memchr": ("c", "decoded", "memchr"),
    "sa.c_api_full_vs_memchr": ("c", "full", "memchr"),
    "sa.structure_vs_gmime": ("c", "structure", "gmime_tree"),
    "sa.decoded_vs_gmime": ("c", "decoded", "gmime_decoded"),
}


def main() -> int:
    rounds = asked(__doc__, rounds=5).rounds
    measured = {
        "sa": measure("SA", SA, corpus_messages(DEFAULT_FOLDER), rounds),
        "b64": measure("B64", B64, attachment_messages(), rounds),
        "c": measure_c(rounds * C_ROUNDS),
    }
    ratios = {
        key: median_ratio(measured[kind][ours], measured[kind][theirs])
        for key, (kind, ours, theirs) in RATIOS.items()
        if theirs in measured[kind]
    }
    ratios |= measure_cost(rounds)
    for key, ratio in ratios.items():
        print(f"{key:40} {ratio:10.2f}")
    write_results("mime", ratios)
    return 0


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return round(statistics.median(our / their for our, their in zip(ours, theirs, strict=True)), 2)


def measure(title: str, entrants: Mapping[str, Contestant], messages: Sequence[bytes], rounds: int) -> Rates:
    size = sum(map(len, messages))
    bounds = [len(messages) * number // SLICES for number in range(SLICES + 1)]
    slices = [messages[begin:end] for begin, end in pairwise(bounds)]
    rates: dict[str, list[float]] = {name: [] for name in entrants}
    for _ in range(rounds):
        seconds = dict.fromkeys(entrants, 0.0)
        for part in slices:
            for name, entrant in entrants.items():
                for _ in range(WARM_LAPS):
                    lap(entrant, part)
                seconds[name] += lap(entrant, part)
        for name, taken in seconds.items():
            rates[name].append(size / taken / 1e6)
    print(f"{title}: {len(messages)} messages, {size / 1e6:.1f} MB")
    for name, each in rates.items():
        rate = statistics.median(each)
        print(f"  {name:28} {rate:10.1f} MB/s {rate * 1e6 / size * len(messages):12.0f} messages/s")
    return dict(rates)


def lap(entrant: Contestant, messages: Sequence[bytes]) -> float:
    begin = time.process_time()
    for raw in messages:
        entrant(raw)
    return time.process_time() - begin


def measure_c(rounds: int) -> Rates:
    """The C API alone, beside glibc's memchr for every line end of the same bytes, and GMime where it is installed."""
    rates = run_c("mime_c", PARSER, [], rounds)
    gmime = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "gmime-3.0"], capture_output=True, text=True, check=False
    )
    if gmime.returncode == 0:
        rates |= run_c("mime_gmime", [], gmime.stdout.split(), rounds)
    else:
        print("GMime is left out; to have it:  apt-get install libgmime-3.0-dev pkg-config")
    print("C API, SA")
    for name, each in rates.items():
        print(f"  {name:28} {statistics.median(each):10.1f} MB/s")
    return rates


def measure_cost(rounds: int) -> dict[str, float]:
    """The dearest of the mails that are made to be dear."""
    program = compile_c("mime_cost", [*PARSER, *COSTLY])
    done = subprocess.run([program, str(rounds)], text=True, capture_output=True, check=True)
    lines = [line.split(maxsplit=3) for line in done.stdout.splitlines()]
    print("made to be dear:   MB   ms/MB   octets of memory beyond 1 MB for each of the mail's")
    for size, milliseconds, memory, name in lines:
        print(f"  {name:40} {size:>8} {milliseconds:>8} {memory:>8}")
    return {
        "cost.milliseconds_per_megabyte": max(float(line[1]) for line in lines),
        "cost.memory_beyond_1_MB": max(float(line[2]) for line in lines),
    }


def run_c(name: str, sources: Sequence[str], libraries: Sequence[str], rounds: int) -> Rates:
    """Runs bench/NAME.c over the SA set."""
    program = compile_c(name, sources, libraries)
    files = "\n".join(str(path) for path in sorted(DEFAULT_FOLDER.glob("*/*.eml")))
    done = subprocess.run([program, str(rounds)], input=files, text=True, capture_output=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    return {name: [float(rate) for rate in each] for name, *each in lines}


if __name__ == "__main__":
    sys.exit(main())
