"""The command line: arguments in, one verb run, an exit code out (0 well, 2 a mistake told in one line, 130 Ctrl-C)."""

from __future__ import annotations

import difflib
import errno
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress

from emgasr.display.visible import shown_streams, told_line
from emgasr.errors import EmgasrError
from emgasr.runtime.interrupts import end_as_ctrl_c
from emgasr.version import __version__

# A verb's module is imported only when the verb is called: `emgasr --help` must answer at once.
VERBS: dict[str, tuple[str, str]] = {
    "demo": ("emgasr.cli.read.demo", "simulate a person never seen, read their typing, learn the person, read again"),
    "simulate": ("emgasr.cli.data.simulate", "make recordings of simulated people who type"),
    "manifest": ("emgasr.cli.data.manifest", "list the recordings of a corpus, with splits and checksums"),
    "validate": ("emgasr.cli.data.validate", "check recordings, and that no split leaks into another"),
    "compose": ("emgasr.cli.data.compose", "single takes into a fixed list of sequences to test on"),
    "condition": ("emgasr.cli.data.condition", "filter a recording by the filters of a live stream, or lower its rate"),
    "record": ("emgasr.cli.live.record", "record a live signal, with prompts and key times, safe against crashes"),
    "doctor": ("emgasr.cli.live.doctor", "measure a live signal and tell what to mend"),
    "calibrate": ("emgasr.cli.live.calibrate", "fit a model to a person at a live signal"),
    "info": ("emgasr.cli.model.info", "what a recording, a manifest or a model holds"),
    "train": ("emgasr.cli.model.train", "train a recognizer from a manifest and a configuration"),
    "personalize": ("emgasr.cli.model.personalize", "fit a trained recognizer to one person, never for the worse"),
    "lm": ("emgasr.cli.language.lm", "build, mix and query n-gram language models"),
    "tune": ("emgasr.cli.read.tune", "find the weights of the search on validation recordings"),
    "import": ("emgasr.cli.model.import_checkpoint", "a published emg2qwerty checkpoint into a model folder"),
    "settle": ("emgasr.cli.live.settle", "find when live keys may settle, on validation recordings"),
    "transcribe": ("emgasr.cli.read.transcribe", "recordings in, text out"),
    "stream": ("emgasr.cli.live.stream", "live signals in, text as it is typed"),
    "evaluate": ("emgasr.cli.read.evaluate", "error rates of a recognizer on a split, with a report"),
    "protocol": ("emgasr.cli.protocol", "many people held out in turn, calibrated and tested: the whole table"),
}

INTERRUPTED = 130  # 128 + SIGINT
CLOSED_PIPE = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code; a user's mistake is one line on stderr, a bug a traceback."""
    if argv is None:  # a process of its own
        _open_missing_streams()
        end_as_ctrl_c()
    return told(_dispatch, list(sys.argv[1:] if argv is None else argv))


def told(run: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run what takes arguments and return its exit code, failures told as `main` tells them: for recipes' scripts."""
    with shown_streams():
        return _told(run, arguments)


def _told(run: Callable[[list[str]], int], arguments: list[str]) -> int:
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
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        advice = f"did you mean `emgasr {near[0]}`?" if near else "`emgasr --help` lists the verbs"
        raise EmgasrError("emgasr", f"there is no verb {verb!r}", advice)
    try:
        return int(importlib.import_module(VERBS[verb][0]).run(rest) or 0)
    except SystemExit as stop:  # how argparse ends after --help (0) and after a bad option (2, already told)
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
    verbs = "\n".join(f"  {name:<{width}}  {line}" for name, (_, line) in VERBS.items())
    return f"""\
emgasr {__version__}: text from muscle signals

usage: emgasr VERB [options]

{verbs}

`emgasr VERB --help` tells a verb's options; `emgasr --version` the version.
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
    with suppress(OSError):  # nobody can be told
        print("emgasr: " + told_line(line.removeprefix("emgasr: ")), file=sys.stderr)
    return code
