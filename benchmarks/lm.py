"""How close and how fast language models are made and read beside KenLM, in one run.

`python benchmarks/lm.py [--text PATH...] [--megabytes 5] [--rounds 3] [--json]` needs KenLM's lmplz on the PATH
(lm/build_kenlm.sh) and its Python module. Orders 3 and 6 of characters: `emgasr lm build` against lmplz, each from a
text file to an ARPA file in a process of its own, in turn; the largest difference of log10 probabilities and back-offs
over all n-grams; time_ratio is ours over lmplz's wall time (medians), peak_mb the most memory that ours held. Scores of
random strings against the kenlm module. Reading and opening: a keystroke model of 1.35 M n-grams, a 46 MB ARPA file.

PATHs are text files or folders of .txt files; without them, the packaged training prompts. What they lack in megabytes
is made of them: lines cut anew, one word in ten exchanged for another, seeded; own_mb tells how much was there.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from keystroke_lm import NGRAMS, filled

from emgasr.lm import NGramModel, estimate, open_compact, read_arpa, write_arpa, write_compact
from emgasr.lm.estimation.lmplz import FALLBACK_DISCOUNTS, MEMORY
from emgasr.lm.formats.arpa_symbols import SPACE_SIGN
from emgasr.lm.texts import read_texts, sentences

ROOT = Path(__file__).resolve().parent.parent
ORDERS = (6, 3)
STRINGS = 2000
EXCHANGED = 0.1  # of the words in what is made of the text
LN10 = math.log(10)


def lines_of(paths: list[Path], megabytes: float, seed: int = 0) -> tuple[list[str], float]:
    """Return so many megabytes of lines, and how many of them stand in the files."""
    files = [file for path in paths for file in (sorted(path.glob("*.txt")) if path.is_dir() else [path])]
    lines = list(read_texts(files or [ROOT / "emgasr" / "data" / "prompts_train.txt"]))
    size = sum(len(line) + 1 for line in lines)
    own = min(size / 1e6, megabytes)
    words = " ".join(lines).split()
    generator = random.Random(seed)
    start = 0
    while size < megabytes * 1e6:
        length = generator.randrange(4, 16)
        cut = words[start : start + length]
        start = start + length if start + length < len(words) else generator.randrange(8)
        line = " ".join(generator.choice(words) if generator.random() < EXCHANGED else word for word in cut)
        lines.append(line)
        size += len(line) + 1
    return lines, own


def timed(command: list[str]) -> tuple[float, float]:
    """Run a command; return its wall time in seconds and the most memory it held in MB."""
    done = subprocess.run([sys.executable, "-c", _WATCH, *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    seconds, kilobytes = json.loads(done.stdout)
    return seconds, kilobytes / 1024


# In a small process of its own: the peak that a program is charged begins with that of the process that starts it.
_WATCH = """
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(json.dumps([time.perf_counter() - began, usage.ru_maxrss]))
sys.exit(1 if status else 0)
"""


def against_lmplz(order: int, folder: Path, rounds: int) -> dict[str, Any]:
    """Return difference, time ratio and peak memory for the text in the folder."""
    ours, theirs = folder / f"ours{order}.arpa", folder / f"lmplz{order}.arpa"
    build = [sys.executable, "-m", "emgasr", "lm", "build", str(folder / "text"), "--symbols", "characters"]
    build += ["--order", str(order), "--builder", "own", "--out", str(ours), "--overwrite"]
    lmplz = ["lmplz", "--order", str(order), "--memory", MEMORY, "--temp_prefix", f"{folder}/"]
    lmplz += ["--text", str(folder / "symbols"), "--arpa", str(theirs)]
    lmplz += ["--discount_fallback", *map(str, FALLBACK_DISCOUNTS[1:])]
    timed(build)  # compiles what is not compiled yet
    runs = [(timed(build), timed(lmplz)) for _ in range(rounds)]
    seconds, lmplz_seconds = (statistics.median(run[who][0] for run in runs) for who in (0, 1))
    model = read_arpa(ours)
    return {
        "max_abs_difference": largest_difference(model, read_arpa(theirs)),
        "time_ratio": round(seconds / lmplz_seconds, 3),
        "peak_mb": round(max(run[0][1] for run in runs), 1),
        "seconds": round(seconds, 3),
        "lmplz_seconds": round(lmplz_seconds, 3),
        "lmplz_peak_mb": round(max(run[1][1] for run in runs), 1),
        "ngrams": sum(model.counts),
    }


def largest_difference(ours: NGramModel, theirs: NGramModel) -> float:
    """Return the largest difference of log10 probabilities and back-offs; infinite if the n-grams are not the same."""
    if ours.counts != theirs.counts or ours.symbols != theirs.symbols:
        return math.inf
    names = np.array([theirs.vocabulary.index(symbol) for symbol in ours.vocabulary])
    largest = 0.0
    for order in range(1, ours.order + 1):
        ids, *values = ours.table(order)
        their_ids, *their_values = theirs.table(order)
        mine, others = np.lexsort(names[ids].T), np.lexsort(their_ids.T)
        if not np.array_equal(names[ids][mine], their_ids[others]):
            return math.inf
        for value, their_value in zip(values, their_values, strict=True):
            largest = max(largest, float(np.abs(value[mine] - their_value[others]).max()) / LN10)
    return largest


def score_difference(arpa: Path, lines: list[str]) -> float:
    """Return the largest difference of log10 scores from the kenlm module's, symbol by symbol."""
    import kenlm

    quiet = kenlm.Config()
    quiet.show_progress = False
    ours, theirs = read_arpa(arpa), kenlm.Model(str(arpa), quiet)
    largest = 0.0
    for string in strings(lines, sorted(ours.symbols)):
        ids = np.append(ours.ids(string), np.int32(ours.vocabulary.index("</s>")))
        written = " ".join(SPACE_SIGN if symbol == " " else symbol for symbol in string)
        scores = [score for score, _, _ in theirs.full_scores(written)]
        largest = max(largest, float(np.abs(ours.score_ids(ids) / LN10 - scores).max()))
    return largest


def strings(lines: list[str], symbols: list[str], seed: int = 1) -> Iterator[list[str]]:
    """Yield strings of random symbols, known and unknown, mixed with pieces of the text."""
    generator = random.Random(seed)
    for _ in range(STRINGS):
        string = list(generator.choice(lines)[: generator.randrange(40)])
        for _ in range(generator.randrange(10)):
            string.insert(generator.randrange(len(string) + 1), generator.choice([*symbols, "§"]))
        yield string


def median_time(rounds: int, work: Callable[[], object]) -> float:
    """Return the median wall time of so many rounds, after one that warms up."""
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def measure(paths: list[Path], megabytes: float, rounds: int) -> dict[str, Any]:
    """Return all figures."""
    lines, own = lines_of(paths, megabytes)
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "text").write_text("\n".join(lines) + "\n", encoding="utf-8")
        symbols = "".join(" ".join(line.replace(" ", SPACE_SIGN)) + "\n" for line in lines)
        (folder / "symbols").write_text(symbols, encoding="utf-8")
        for order in ORDERS:
            result[f"order{order}"] = against_lmplz(order, folder, rounds)
        result["score_max_abs_difference"] = score_difference(folder / "ours6.arpa", lines)
        model = filled(estimate(sentences((line.lower() for line in lines), "keystrokes"), 6), NGRAMS)
        arpa, compact = folder / "large.arpa", folder / "large.lm"
        write_arpa(model, arpa)
        write_compact(model, compact)
        result["arpa_read_s"] = round(median_time(rounds, lambda: read_arpa(arpa)), 3)
        result["open_s"] = round(median_time(rounds, lambda: open_compact(compact)), 4)
        memory = sum(array.nbytes for array in (*model.arrays, model.mask))
        result["bytes_per_ngram"] = round(memory / sum(model.counts), 2)
        result |= {"arpa_mb": round(arpa.stat().st_size / 1e6, 1), "arpa_ngrams": sum(model.counts)}
    return result | {"text_mb": megabytes, "own_mb": round(own, 2), "rounds": rounds}


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [f"{'':10}{'n-grams':>12}{'difference':>12}{'ours':>10}{'lmplz':>10}{'ratio':>8}{'peak':>10}{'lmplz':>10}"]
    for order in ORDERS:
        row = result[f"order{order}"]
        times = f"{row['seconds']:>8.2f} s{row['lmplz_seconds']:>8.2f} s{row['time_ratio']:>8.2f}"
        memory = f"{row['peak_mb']:>7.0f} MB{row['lmplz_peak_mb']:>7.0f} MB"
        lines.append(f"order {order:<4}{row['ngrams']:>12,}{row['max_abs_difference']:>12.1e}{times}{memory}")
    lines += [
        f"text: {result['text_mb']:g} MB, {result['own_mb']:g} MB of them as they are in the files",
        f"scores differ from kenlm's by at most {result['score_max_abs_difference']:.1e}",
        f"ARPA, {result['arpa_mb']:g} MB, {result['arpa_ngrams']:,} n-grams: read in {result['arpa_read_s']:.2f} s",
        f"the same, compact: opened in {result['open_s']:.4f} s, {result['bytes_per_ngram']:g} bytes an n-gram",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print the figures as a table or as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--text", type=Path, nargs="+", default=[], metavar="PATH")
    parser.add_argument("--megabytes", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if shutil.which("lmplz") is None:
        sys.exit("lmplz is not on the PATH; build it with lm/build_kenlm.sh")
    result = measure(options.text, options.megabytes, options.rounds)
    print(json.dumps(result) if options.json else table(result))


if __name__ == "__main__":
    main()
