"""The command line: arguments in, one verb run, an exit code out (0 done, 2 a mistake, in one line, 130 Ctrl-C)."""

from __future__ import annotations

import difflib
import errno
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress

from emgasr.cli.options import renamed
from emgasr.display.visible import shown_streams, told_line
from emgasr.errors import EmgasrError
from emgasr.runtime.interrupts import end_as_ctrl_c
from emgasr.version import __version__

# A verb's module is imported only when the verb is called: `emgasr --help` must answer at once.
GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "start here": {
        "demo": ("emgasr.cli.read.demo", "read a simulated person, fit the model to them, read them again"),
    },
    "data": {
        "new": ("emgasr.cli.data.new", "go from a folder of your own takes to a model that reads, step by step"),
        "manifest": ("emgasr.cli.data.manifest", "list the recordings of a corpus, with splits and checksums"),
        "validate": ("emgasr.cli.data.validate", "check recordings, and that no split leaks into another"),
        "compose": ("emgasr.cli.data.compose", "compose single takes into a fixed list of sequences to test on"),
        "condition": ("emgasr.cli.data.condition", "filter a recording as a live stream is, or lower its rate"),
        "simulate": ("emgasr.cli.data.simulate", "make recordings of simulated people who type"),
        "simulate-takes": (
            "emgasr.cli.data.simulate_takes",
            "make single takes of words that a simulated person says",
        ),
    },
    "model": {
        "train": ("emgasr.cli.model.train", "train a recognizer on the recordings of a manifest"),
        "pretrain": ("emgasr.cli.model.pretrain", "pretrain an encoder of any armband on recordings of many people"),
        "align": ("emgasr.cli.model.align", "align an encoder with what words, poses or sounds mean"),
        "personalize": ("emgasr.cli.model.personalize", "fit a trained recognizer to one person, never for the worse"),
        "import": ("emgasr.cli.model.import_checkpoint", "convert a published emg2qwerty checkpoint to a model folder"),
        "fuse": ("emgasr.cli.model.fuse", "let several models, of one sensor or several, answer together"),
        "info": ("emgasr.cli.model.info", "show what a recording, a manifest or a model holds"),
    },
    "read": {
        "transcribe": ("emgasr.cli.read.transcribe", "read recordings: text, or keys with times and confidences"),
        "evaluate": ("emgasr.cli.read.evaluate", "measure error rates on a split, with a report"),
        "tokenize": ("emgasr.cli.read.tokenize", "write a recording's contractions as tokens, and draw them"),
        "search": ("emgasr.cli.read.search", "find the stretches of recordings that are like a sentence"),
        "describe": ("emgasr.cli.read.describe", "say in words what the stretches of a recording are like"),
        "tune": ("emgasr.cli.read.tune", "find the weights of the search on validation recordings"),
        "operate": (
            "emgasr.cli.read.operate",
            "choose from when on a model says something, by false ones at rest",
        ),
        "lm": ("emgasr.cli.language.lm", "build, train, mix and query language models"),
    },
    "live": {
        "stream": ("emgasr.cli.live.stream", "read a live signal: text as it is typed"),
        "record": ("emgasr.cli.live.record", "record a live signal, with prompts and key times, safe against crashes"),
        "doctor": ("emgasr.cli.live.doctor", "measure a live signal and advise what to mend"),
        "calibrate": ("emgasr.cli.live.calibrate", "record one person's session and fit a model to it"),
        "tune-live": ("emgasr.cli.live.tune_live", "find when live keys may become final, on validation recordings"),
    },
    "experiments": {
        "protocol": ("emgasr.cli.protocol", "hold out many people in turn, calibrate, test: the whole table"),
    },
}
VERBS: dict[str, tuple[str, str]] = {verb: entry for verbs in GROUPS.values() for verb, entry in verbs.items()}

INTERRUPTED = 130  # 128 + SIGINT
CLOSED_PIPE = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code; a user's mistake is one line on stderr, a bug a traceback."""
    if argv is None:  # a process of its own
        _open_missing_streams()
        end_as_ctrl_c()
    return exit_code(_dispatch, list(sys.argv[1:] if argv is None else argv))


def exit_code(run: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run a function of arguments and return its exit code; failures are reported as `main` does, for any script."""
    with shown_streams():
        return _reported(run, arguments)


def _reported(run: Callable[[list[str]], int], arguments: list[str]) -> int:
    try:
        _let_streams_take_any_text()
        code = run(arguments)
        sys.stdout.flush()  # here, so that a reader who has gone away is noticed while it can be handled
        return code
    except EmgasrError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader (as in `emgasr info … | head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    except OSError as error:
        return _fail(_operating_system_line(error), 2)
    except MemoryError:
        return _fail("memory is exhausted; close other programs, or give smaller batches or fewer recordings", 2)


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    verb, rest = arguments[0], arguments[1:]
    if verb in ("-V", "--version"):
        print(f"emgasr {__version__}")
        return 0
    if (new := renamed.VERBS.get(verb)) is not None:
        print(f"emgasr: {verb} is now {new}; the next release knows the new name alone", file=sys.stderr)
        verb = new
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        advice = f"did you mean `emgasr {near[0]}`?" if near else "`emgasr --help` lists the verbs"
        raise EmgasrError("emgasr", f"there is no verb {verb!r}", advice)
    try:
        return int(importlib.import_module(VERBS[verb][0]).run(rest) or 0)
    except SystemExit as stop:  # how argparse ends after --help (0) and after a bad option (2, already reported)
        if isinstance(stop.code, str):
            return _fail(stop.code, 2)
        return stop.code or 0


def _open_missing_streams() -> None:
    """Put the null device where a standard stream is closed: else the next file that is opened would take its place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, so this one
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115  (a standard stream stays open)
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def _help() -> str:
    width = max(map(len, VERBS))
    verbs = "\n\n".join(
        "\n".join((f"{group}:", *(f"  {name:<{width}}  {line}" for name, (_, line) in entries.items())))
        for group, entries in GROUPS.items()
    )
    return f"""\
emgasr {__version__}: text from muscle signals

usage: emgasr VERB [options]

{verbs}

`emgasr VERB --help` shows a verb's options and examples; `emgasr --version` the version.
New here? `emgasr demo` takes a few minutes and needs no data."""


def _let_streams_take_any_text() -> None:
    """Let stdout and stderr escape what their encoding lacks, where they would end in an error."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) in ("strict", "surrogateescape") and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _operating_system_line(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    advice = {
        errno.ENOSPC: "; free space or choose another place",
        errno.EDQUOT: "; free space or choose another place",
        errno.ENOENT: "; check the path",
        errno.EACCES: "; check who may read or write it",
    }.get(error.errno or 0, "")
    return f"{where}{error.strerror or error}{advice}"


def _fail(line: str, code: int) -> int:
    if os.environ.get("EMGASR_DEBUG") == "1" and sys.exc_info()[0] is not None:
        traceback.print_exc()
    with suppress(OSError):  # nobody listens
        print("emgasr: " + told_line(line.removeprefix("emgasr: ")), file=sys.stderr)
    return code
