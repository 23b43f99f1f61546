"""`emgasr record --source … --out FILE`: a live signal in; a session file, with prompts and key times, out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from emgasr.cli.live.prompt_screen import prompt_screen, read_prompts
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.source import add_source_option
from emgasr.cli.options.standard import add_json, add_out
from emgasr.errors import ConfigError, EmgasrError, RecordingError
from emgasr.runtime.interrupts import holding_ctrl_c

if TYPE_CHECKING:
    import argparse

    from emgasr.capture.recorder import Recorder
    from emgasr.recording import Recording
    from emgasr.sources import Source


def run(argv: list[str]) -> int:
    """Record until --limit-seconds, the last prompt, the source's end or Ctrl-C; whatever happens, the file stays."""
    options = parser().parse_args(argv)
    out = options.out
    if options.finish:
        from emgasr.sessions.journal import finish

        _report(finish(out), out, [], options)
        return 0
    _check(options)
    prompts = read_prompts(Path(options.prompts)) if options.prompts else ()

    from emgasr.capture.recorder import Recorder
    from emgasr.display.console import Console
    from emgasr.sources import open_source

    console = Console(stderr=True)
    source = open_source(options.source)
    failure: Exception | None = None
    try:
        _check_keyboard(options, source)
        recorder = Recorder(out, source, options.subject, options.session or out.stem)
    except EmgasrError:
        source.close()
        raise
    try:
        try:
            _record(options, prompts, source, recorder, console)
        except KeyboardInterrupt:
            pass
        except (RecordingError, OSError) as error:  # source or terminal are gone: what came before is worth keeping
            failure = error
        finally:
            source.close()
        with holding_ctrl_c():  # a second one comes too late: the file is being finished
            recording = recorder.finish()
    finally:
        recorder.close()
    _report(recording, out, [note.kind for note in recorder.notes], options)
    if failure is not None:
        raise failure
    return 0


def _record(
    options: argparse.Namespace, prompts: tuple[str, ...], source: Source, recorder: Recorder, console: object
) -> None:
    from emgasr.capture.keyboard import terminal_keys
    from emgasr.capture.recorder import Director

    chunks = source.chunks()
    with terminal_keys() as keys, prompt_screen(console) as show:  # type: ignore[arg-type]
        director = Director(source, keys, options.keys, show)
        if not prompts:
            director.free(chunks, recorder, options.limit_seconds)
            return
        director.rest(chunks, recorder, options.rest_seconds)
        for number, text in enumerate(prompts, start=1):
            if not director.prompt(chunks, recorder, text, number, len(prompts)):
                return
            if options.limit_seconds is not None and recorder.time_s >= options.limit_seconds:
                return
        director.rest(chunks, recorder, min(options.rest_seconds, 2.0))


def _check_keyboard(options: argparse.Namespace, source: Source) -> None:
    from emgasr.capture.keyboard import has_keyboard
    from emgasr.sources import Typing

    if not (options.keys or options.prompts) or isinstance(source, Typing):
        return
    if options.source.startswith("stdin:") or not has_keyboard():
        raise ConfigError("emgasr record", "needs the keyboard of a terminal for keys and prompts", "leave them out")


def _report(recording: Recording, out: Path, notes: list[str], options: argparse.Namespace) -> None:
    counts = dict(Counter(notes))
    if options.json:
        facts = {
            "file": str(out),
            "seconds": round(recording.duration_s, 3),
            "keys": len(recording.events),
            "spans": len(recording.spans),
            "notes": counts,
        }
        print_json(facts)
        return
    noted = ", ".join(f"{kind} {count} ×" for kind, count in counts.items())
    print(
        f"{out}: {recording.duration_s:.1f} s, {len(recording.events)} keys, {len(recording.spans)} spans"
        + (f"; {noted}" if noted else "")
    )


def _check(options: argparse.Namespace) -> None:
    if not options.source:
        raise ConfigError("emgasr record", "needs a source", "pass --source …, as simulate:seed=0")
    for name in ("subject", "session"):
        if (value := getattr(options, name)) is not None and (not value.strip() or not value.isprintable()):
            raise ConfigError(f"--{name}", f"{value!r} is no name", "give one line of text, or leave it out")
    if options.limit_seconds is not None and not options.limit_seconds > 0:
        raise ConfigError("--limit-seconds", f"is {options.limit_seconds:g}", "give seconds above 0")
    if not 0 <= options.rest_seconds <= 600:
        raise ConfigError("--rest-seconds", f"is {options.rest_seconds:g}", "give 0 to 600 seconds")


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr record",
        description="Record a live signal into a session file. The file opens at any moment, also after a kill or a "
        "loss of power; it never leaves this machine.",
        examples=(
            "emgasr record --source simulate:seed=0 --out session.hdf5 --limit-seconds 60",
            "emgasr record --source brainflow:board=0 --prompts prompts.txt --keys --out session.hdf5",
        ),
    )
    add_out(made, "session file (.hdf5); must not exist", metavar="FILE", overwrite=False)
    add_source_option(made, required=False)
    made.add_argument("--subject", default="anonymous", metavar="NAME", help="who is recorded")
    made.add_argument("--session", metavar="NAME", help="name of the session (default: the file's name)")
    made.add_argument("--limit-seconds", type=float, metavar="S", help="stop after this long (default: at Ctrl-C)")
    made.add_argument("--prompts", metavar="FILE", help="lines to show one after the other; enter goes on to the next")
    made.add_argument("--rest-seconds", type=float, default=5.0, metavar="S", help="rest before the prompts")
    made.add_argument("--keys", action="store_true", help="record the keys typed in this terminal, and their times")
    made.add_argument("--finish", action="store_true", help="turn --out, left by a kill, into an HDF5 session file")
    add_json(made, "print the summary as JSON")
    return made
