"""`emgasr record OUT --source …`: a live signal in; a session file, with prompts and key times if asked for, out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from emgasr.cli.live.prompt_screen import prompt_screen, read_prompts
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.source import add_source_option
from emgasr.errors import ConfigError, EmgasrError, RecordingError
from emgasr.runtime.interrupts import holding_ctrl_c

if TYPE_CHECKING:
    import argparse

    from emgasr.capture.recorder import Recorder
    from emgasr.recording import Recording
    from emgasr.sources import Source


def run(argv: list[str]) -> int:
    """Record until --seconds, the last prompt, the source's end or Ctrl-C; what is there is kept whatever happens."""
    options = _parser().parse_args(argv)
    out = Path(options.out)
    if options.finish:
        from emgasr.sessions.journal import finish

        _tell(finish(out), out, [], options)
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
    _tell(recording, out, [note.kind for note in recorder.notes], options)
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
            director.free(chunks, recorder, options.seconds)
            return
        director.rest(chunks, recorder, options.rest)
        for number, text in enumerate(prompts, start=1):
            if not director.prompt(chunks, recorder, text, number, len(prompts)):
                return
            if options.seconds is not None and recorder.time_s >= options.seconds:
                return
        director.rest(chunks, recorder, min(options.rest, 2.0))


def _check_keyboard(options: argparse.Namespace, source: Source) -> None:
    from emgasr.capture.keyboard import has_keyboard
    from emgasr.sources import Typing

    if not (options.keys or options.prompts) or isinstance(source, Typing):
        return
    if options.source.startswith("stdin:") or not has_keyboard():
        raise ConfigError("emgasr record", "needs the keyboard of a terminal for keys and prompts", "leave them out")


def _tell(recording: Recording, out: Path, notes: list[str], options: argparse.Namespace) -> None:
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
    if options.seconds is not None and not options.seconds > 0:
        raise ConfigError("--seconds", f"is {options.seconds:g}", "give seconds above 0")
    if not 0 <= options.rest <= 600:
        raise ConfigError("--rest", f"is {options.rest:g}", "give 0 to 600 seconds")


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="emgasr record",
        description="Record a live signal into a session file. The file opens at any moment, also after a kill or a\n"
        "loss of power; it never leaves this machine.",
    )
    parser.add_argument("out", metavar="OUT", help="the session file (.hdf5); must not exist")
    add_source_option(parser, required=False)
    parser.add_argument("--subject", default="anonymous", help="who is recorded (default anonymous)")
    parser.add_argument("--session", help="name of the session (default: the file's name)")
    parser.add_argument("--seconds", type=float, help="stop after this long (default: at Ctrl-C)")
    parser.add_argument(
        "--prompts", metavar="FILE", help="lines to show one after the other; enter goes on to the next"
    )
    parser.add_argument("--rest", type=float, default=5.0, help="seconds of rest before the prompts (default 5)")
    parser.add_argument("--keys", action="store_true", help="record the keys typed in this terminal, and their times")
    parser.add_argument("--finish", action="store_true", help="turn OUT, left by a kill, into an HDF5 session file")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    return parser
