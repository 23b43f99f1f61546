"""`python -m tests.fuzz [FORMAT ...]`: runs, a table, every kind of fault; exit code 1 if there is a fault."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a process with threads must not fork

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from .isolation import SECONDS

RUNS = 300


def main(argv: list[str] | None = None) -> int:
    """Run what is asked for."""
    arguments = _parser().parse_args(argv)
    from . import planted
    from .formats import all_formats
    from .report import as_dict, faults, rows, table, told
    from .runs import Fuzzer, numbers_of

    formats = planted.FORMATS if arguments.planted else all_formats()
    if arguments.list:
        print("\n".join(f"{name:16} {fmt.owner}" for name, fmt in formats.items()))
        return 0
    if unknown := [name for name in arguments.formats if name not in formats]:
        print(f"there is no format {unknown[0]!r}; --list names them", file=sys.stderr)
        return 2
    chosen = {name: formats[name] for name in arguments.formats or formats}
    _import_all()
    begun = time.monotonic()
    results = []
    with tempfile.TemporaryDirectory(prefix="fuzz") as place:
        fuzzer = Fuzzer(chosen, Path(place), arguments.keep, arguments.at_once, arguments.seconds)
        for result in fuzzer.results(numbers_of(arguments.runs, arguments.only)):
            results.append(result)
            if arguments.only and result.number in arguments.only:
                print(f"{result.format} {result.number}: {result.kind}: {result.text}\n  done to it: {result.story}")
                print(f"  {result.kept}\n{result.details}" if result.fault else result.details)
            elif not arguments.json and sys.stderr.isatty():
                print(f"\r{len(results)} runs, {sum(r.fault for r in results)} faults", end="", file=sys.stderr)
    if arguments.json:
        print(json.dumps(as_dict(results), indent=1))
    elif not arguments.only:
        print(table(rows(results)))
        print(f"\n{len(results)} runs in {time.monotonic() - begun:.0f} s")
        for some in faults(results):
            print(told(some))
    return 1 if any(result.fault for result in results) else 0


def _import_all() -> None:
    """What the readers import when they are first called, so that no run pays for it."""
    import importlib
    import pkgutil

    import edfio  # noqa: F401
    import scipy.io.wavfile
    import scipy.signal  # noqa: F401
    import torch
    import torch._dynamo  # the optimizers import it

    import emgasr

    torch.set_num_threads(1)
    for module in pkgutil.walk_packages(emgasr.__path__, "emgasr."):
        if module.name != "emgasr.__main__":
            importlib.import_module(module.name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help="which (default: all; see --list)")
    parser.add_argument("--list", action="store_true", help="name the formats")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"mutations of each (default: {RUNS})")
    parser.add_argument("--only", type=int, nargs="+", default=[], metavar="N", help="repeat runs by their numbers")
    parser.add_argument("--keep", type=Path, default=Path("fuzz_faults"), help="folder for inputs that make faults")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"limit of each run (default: {SECONDS})")
    parser.add_argument("--planted", action="store_true", help="readers that fail on purpose: each must be caught")
    parser.add_argument("--json", action="store_true", help="results as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
