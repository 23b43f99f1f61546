"""How fast and how well the search reads beside its peers: one core, one run, the same emissions and language model.

`python benchmarks/decoder.py [--json] [--events FOLDER] [--text FOLDER] [--threads 2] [--rounds 3]`: 60 cuts of 20 s
of typing (real key presses from FOLDER, else simulated ones; see emissions.py) at 31.25 and 125 Hz, a char 6-gram
(keystroke_lm.py), beam 50 and top 10 labels. Each decoder's weights are found first, the same way, on 20 cuts of other
sessions. `us_per_s` is µs of CPU time per second of signal, medians over rounds in which all take turns; `cer` is over
raw keys, in percent. The oracle reads 3 of the cuts only, and `ours_us_per_s` beside it is what ours takes for these.
Peers that are missing are null: `pip install -e '.[bench]'` and `pip install --no-deps pyctcdecode pygtrie hypothesis`.
Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import decoder_peers as peers
import numpy as np
from decoder_peers import Language, Read
from emissions import CUT_S, RATES_HZ, Cut, Typing, emission_set, greedy_cer, real_typing, simulated_typing
from keystroke_lm import keystroke_model

from emgasr.decoding.hypothesis import SearchConfig
from emgasr.decoding.parallel import search_all
from emgasr.decoding.search import BeamSearch
from emgasr.errors import EmgasrError
from emgasr.lm import write_arpa
from emgasr.score import count_edits, total

MEASURED, TUNING, ORACLE_CUTS = 60, 20, 3
SEED, TUNING_SEED = 0, 1
THRESHOLD = 7.0  # nats
WHOLE = 10**6  # frames: cuts are read whole, as peers and oracle read them, and finalize only what is certain
Make = Callable[[Language, SearchConfig], Read]
Emissions = Sequence[np.ndarray]


@dataclass(frozen=True)
class Contestant:
    """A decoder, the weights that it knows, and where they are looked for."""

    make: Make
    start: SearchConfig
    grids: Mapping[str, Sequence[float]]


WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
BONUSES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
CONTESTANTS = {
    "ours": Contestant(
        peers.ours,
        SearchConfig(lm_weight=0.7, length_bonus=1.5, backspace_penalty=2.0, finalize_within=WHOLE),
        {"lm_weight": WEIGHTS, "length_bonus": BONUSES, "backspace_penalty": (0.0, 1.0, 2.0, 3.0, 4.0, 6.0)},
    ),
    "same_semantics": Contestant(
        peers.ours_as_flashlight,
        SearchConfig(lm_weight=0.4, end_of_sentence=True, finalize_within=WHOLE),
        {"lm_weight": WEIGHTS},
    ),
    "flashlight": Contestant(peers.flashlight, SearchConfig(lm_weight=0.4), {"lm_weight": WEIGHTS}),
    "pyctcdecode": Contestant(
        peers.pyctcdecode,
        SearchConfig(lm_weight=0.6, length_bonus=1.0, end_of_sentence=True),
        {"lm_weight": WEIGHTS[1:-1], "length_bonus": BONUSES[:6]},
    ),
}


def main() -> None:
    """Measure and print the figures as a table or as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=Path, help="folder of *_events.tsv[.gz] of emg2qwerty's BIDS edition")
    parser.add_argument("--text", type=Path, help="folder of English .txt files for the language model")
    parser.add_argument("--threads", type=int, default=2, help="threads of the speed-up, beside one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-1:])
    typing = real_typing(options.events, MEASURED, TUNING, SEED) if options.events else None
    typing = typing or simulated_typing(MEASURED, TUNING, SEED)
    with tempfile.TemporaryDirectory() as folder:
        language = _language(typing, options.text, Path(folder))
        result = measure(typing, language, options.rounds, Path(folder), options.threads, cores)
    print(json.dumps(result) if options.json else table(result))


def measure(
    typing: Typing, language: Language, rounds: int, folder: Path, threads: int, cores: Sequence[int]
) -> dict[str, Any]:
    """Return all figures; see the issue's keys in the JSON."""
    result: dict[str, Any] = {rate: {} for rate in RATES_HZ} | {"beam10": {}}
    for rate in RATES_HZ:
        emissions = emission_set(typing.measured, rate, SEED)
        _say(f"{rate} Hz: greedy CER {greedy_cer(typing.measured, emissions):.2f} %")
        weights = {
            name: _tuned(contestant, typing.tuning, emission_set(typing.tuning, rate, TUNING_SEED), language)
            for name, contestant in CONTESTANTS.items()
            if _there(contestant, language)
        }
        for name, config in weights.items():
            _say(f"  {name}: " + ", ".join(f"{key} {getattr(config, key)}" for key in CONTESTANTS[name].grids))
        reads = {name: CONTESTANTS[name].make(language, config) for name, config in weights.items()}
        reads["threshold7"] = peers.ours(language, replace(weights["ours"], threshold=THRESHOLD))
        reads["oracle"] = peers.oracle(language, weights["ours"])
        reads["ours, the oracle's cuts"] = reads["ours"]
        for name in weights.keys() & {"ours", "flashlight"}:
            reads[f"{name} beam10"] = CONTESTANTS[name].make(language, replace(weights[name], beam=10))
        figures = _by_turns(reads, typing.measured, emissions, rounds)
        _say(f"  CER with threshold {THRESHOLD:g}: {figures['threshold7']['cer']} %")
        result[rate] = figures["ours"] | {
            "us_per_s_threshold7": figures["threshold7"]["us_per_s"],
            "cer_same_semantics": figures["same_semantics"]["cer"],
            **{name: figures.get(name) for name in ("flashlight", "pyctcdecode")},
            "oracle": figures["oracle"] | {"ours_us_per_s": figures["ours, the oracle's cuts"]["us_per_s"]},
        }
        result["beam10"][rate] = figures["ours beam10"] | {"flashlight": figures.get("flashlight beam10")}
    streaming = replace(weights["ours"], finalize_within=SearchConfig.finalize_within)
    search = BeamSearch(peers.TOKENS, language.model, streaming)
    result["push_us"] = _push_us(search, emissions)
    result |= _fresh(language, streaming, emissions, folder)
    result[f"threads{threads}_speedup"] = _speedup(search, emissions, rounds, threads, cores)
    return result


def _language(typing: Typing, text: Path | None, folder: Path) -> Language:
    model = keystroke_model(typing.text, text)
    _say(f"language model: {sum(model.counts):,} n-grams up to {model.order} keys")
    language = Language(model, folder / "keys.arpa")
    write_arpa(model, language.arpa)
    return language


def _there(contestant: Contestant, language: Language) -> bool:
    try:
        contestant.make(language, contestant.start)
    except ImportError:
        _say("flashlight-text is missing: pip install flashlight-text (wheels up to Python 3.12)")
    except EmgasrError as error:
        _say(str(error))
    else:
        return True
    return False


def _tuned(contestant: Contestant, cuts: Sequence[Cut], emissions: Emissions, language: Language) -> SearchConfig:
    """Return the weights with the fewest errors, found one at a time, twice round."""
    errors: dict[SearchConfig, int] = {}

    def tried(config: SearchConfig) -> int:
        if config not in errors:
            read = contestant.make(language, config)
            errors[config] = total(_edits(cuts, [read(frames) for frames in emissions])).errors
        return errors[config]

    best = contestant.start
    for name in [*contestant.grids] * (2 if len(contestant.grids) > 1 else 1):
        best = min((replace(best, **{name: value}) for value in contestant.grids[name]), key=tried)
    return best


def _by_turns(
    reads: Mapping[str, Read], cuts: Sequence[Cut], emissions: Emissions, rounds: int
) -> dict[str, dict[str, float]]:
    """Return CPU time per second of signal and CER of each decoder; each reads all cuts once a round."""
    times: dict[str, list[float]] = {name: [] for name in reads}
    errors: dict[str, float] = {}
    texts: dict[str, list[Sequence[int]]] = {}
    for read in reads.values():
        read(emissions[0][:20])  # compiled, cached
    for _ in range(rounds):
        for name, read in reads.items():
            some = emissions[:ORACLE_CUTS] if "oracle" in name else emissions
            started = time.process_time()
            texts[name] = [read(frames) for frames in some]
            times[name].append((time.process_time() - started) / (len(some) * CUT_S))
            errors[name] = total(_edits(cuts[: len(some)], texts[name])).rate
    same = sum(one == other for one, other in zip(texts["ours"], texts["oracle"], strict=False))
    _say(f"  ours and the oracle read {same} of {len(texts['oracle'])} cuts alike")
    return {
        name: {"us_per_s": round(1e6 * statistics.median(times[name]), 1), "cer": round(100 * errors[name], 2)}
        for name in reads
    }


def _edits(cuts: Sequence[Cut], answers: Sequence[Sequence[int]]) -> list[Any]:
    return [count_edits(cut.ids, ids) for cut, ids in zip(cuts, answers, strict=True)]


def _push_us(search: BeamSearch, emissions: Emissions) -> dict[str, float]:
    """Return percentiles of how long a step with a single frame takes."""
    times = []
    for frames in emissions:
        state = search.start()
        for frame in frames:
            row = frame[None]
            started = time.perf_counter_ns()
            state = search.step(row, state)
            times.append(time.perf_counter_ns() - started)
    p50, p99 = np.percentile(times, [50, 99]) / 1e3
    return {"p50": round(p50, 1), "p99": round(p99, 1)}


def _fresh(language: Language, config: SearchConfig, emissions: Emissions, folder: Path) -> dict[str, float]:
    """Return what new processes measure; the first of them fills the compiler's cache."""
    np.save(folder / "emissions.npy", np.concatenate(emissions))
    script = Path(__file__).with_name("decoder_fresh.py")

    def number(what: str) -> float:
        arguments = [what, language.arpa, folder / "emissions.npy", json.dumps(asdict(config))]
        done = subprocess.run([sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True, check=True)
        return float(done.stdout)

    calls = [number("first_call_s") for _ in range(4)]
    return {"first_call_s": round(statistics.median(calls[1:]), 3), "rss_growth_mb": round(number("rss_growth_mb"), 1)}


def _speedup(search: BeamSearch, emissions: Emissions, rounds: int, threads: int, cores: Sequence[int]) -> float | None:
    """Return how many times faster threads read all cuts than one does; None where there are too few cores."""
    if len(cores) < threads:
        return None
    os.sched_setaffinity(0, cores[-threads:])
    times: dict[int, list[float]] = {1: [], threads: []}
    for _ in range(rounds):
        for count in times:
            started = time.perf_counter()
            list(search_all(emissions, search, count))
            times[count].append(time.perf_counter() - started)
    return round(statistics.median(times[1]) / statistics.median(times[threads]), 2)


def table(result: Mapping[str, Any]) -> str:
    """The figures for people."""
    lines = [f"{'µs per second, CER %':36}{'31.25 Hz':>10}{'':8}{'125 Hz':>10}"]
    rows = {
        "emgasr": lambda r: r,
        "emgasr, threshold 7": lambda r: {"us_per_s": r["us_per_s_threshold7"]},
        "emgasr, flashlight's semantics": lambda r: {"cer": r["cer_same_semantics"]},
        "flashlight-text": lambda r: r["flashlight"],
        "pyctcdecode": lambda r: r["pyctcdecode"],
        f"readable search ({ORACLE_CUTS} cuts)": lambda r: r["oracle"],
        "emgasr, the same cuts": lambda r: {"us_per_s": r["oracle"]["ours_us_per_s"]},
    }
    for name, row in rows.items():
        lines.append(f"{name:36}" + "  ".join(_cells(row(result[rate])) for rate in RATES_HZ))
    for name, row in {"emgasr, beam 10": lambda r: r, "flashlight-text, beam 10": lambda r: r["flashlight"]}.items():
        lines.append(f"{name:36}" + "  ".join(_cells(row(result["beam10"][rate])) for rate in RATES_HZ))
    push = result["push_us"]
    lines.append(f"one-frame step: median {push['p50']} µs, 99th percentile {push['p99']} µs")
    rest = (name for name in result if name not in ("31", "125", "beam10", "push_us"))
    return "\n".join([*lines, *(f"{name}: {result[name]}" for name in rest)])


def _cells(figures: Mapping[str, float] | None) -> str:
    figures = figures or {}
    time_us, cer = figures.get("us_per_s"), figures.get("cer")
    return f"{'' if time_us is None else format(time_us, ',.0f'):>10}{'' if cer is None else format(cer, '.2f'):>8}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except EmgasrError as error:
        sys.exit(str(error))
