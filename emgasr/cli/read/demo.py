"""`emgasr demo`: a simulated person never seen in training types; read, calibrated on, read again; report out."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.search import tell_if_cold
from emgasr.cli.options.standard import add_json, add_out, add_quiet, add_seed
from emgasr.cli.progress import fit_progress
from emgasr.cli.read.marked_text import marked, so_far
from emgasr.errors import ConfigError
from emgasr.files.output import replacing_folder

if TYPE_CHECKING:
    import numpy as np
    from rich.table import Table

    from emgasr.display.console import Console
    from emgasr.evaluation.evaluate import Evaluation
    from emgasr.evaluation.results import Result
    from emgasr.pipeline import Pipeline
    from emgasr.recording import Recording

LEAST_CALIBRATION = 2.0  # minutes: the fifth that is held out then holds a prompt, however slowly one types
SIMULATED = ("seed", "data_minutes", "fit_minutes")  # options of the person who is simulated
BEFORE, AFTER = "as shipped", "calibrated"
FIGURES = {
    "cer_greedy": "keys, greedy",
    "cer_lm": "keys, with language model",
    "cer_rendered_lm": "text, with language model",
    "wer_lm": "words, with language model",
}


def run(argv: list[str]) -> int:
    """Run the demo; --out appears when all is done, and not at all when the demo fails or is stopped."""
    options = _options(argv)
    out = options.out or _free_folder(Path("out"), "demo")
    from emgasr.cli.read import demo_story as demo
    from emgasr.display.console import Console
    from emgasr.models.folder import ARMBAND, DEMO, named_folder

    console = Console(stderr=options.json, highlight=False)
    started = time.monotonic()
    if options.armband:
        from emgasr.cli.read.demo_armband import show

        rows = show(named_folder(options.model or ARMBAND), out, console)
        console.print(f"\nPictures: {out}   ({time.monotonic() - started:.0f} s in all)")
        if options.json:
            print_json({"folder": str(out), "rows": rows})
        return 0
    pipeline = demo.load(named_folder(options.model or DEMO))
    with replacing_folder(out) as folder:
        table = _demo(options, pipeline, folder, console)
    console.print(f"\nReport: {out / 'report.html'}   ({(time.monotonic() - started) / 60:.1f} minutes in all)")
    console.print(_next(options, out), soft_wrap=True)
    if options.json:
        print_json({"folder": str(out), "rows": [result.as_dict() for result in table]})
    return 0


def _demo(options: argparse.Namespace, pipeline: Pipeline, folder: Path, console: Console) -> list[Result]:
    """Read, calibrate, read again; write what was found to `folder` and return it."""
    from emgasr.cli.read import demo_story as demo
    from emgasr.evaluation.results import results_of
    from emgasr.sessions.native import save_session
    from emgasr.simulate import SPLIT_SEEDS

    person = demo.unseen_person(options.seed)
    seeds = {split: f"{seeds.start}-{seeds.stop - 1}" for split, seeds in SPLIT_SEEDS.items()}
    console.print(
        f"[bold]{person.subject}[/], simulated from seed {person.seed}, types for a minute. Seeds {seeds['train']} are"
        f" for training, {seeds['test']} for tests: this person was never seen, nor were these sentences, neither by"
        " the model nor by its language model.\n",
        markup=True,
    )
    with console.status("simulating muscles and electrodes"):
        typed = demo.typed_minute(person)
        save_session(typed, folder / "typed.hdf5")
    tell_if_cold()
    with _watching(typed, pipeline.recognizer.frame_times_s, console) as show:
        before = demo.read(pipeline, typed, BEFORE, show)
    before_results = results_of(before, parameters=pipeline.recognizer.parameter_count)
    _report(before, before_results, console)

    with console.status("simulating another session"):
        known = demo.calibration(person, options.data_minutes)
    console.print(
        f"\nIn another session, the bands put on afresh, {person.subject} types other sentences:"
        f" {options.data_minutes:g} min of them. The model is fitted to these for"
        f" {options.fit_minutes:g} min, then reads the first minute again.\n"
    )
    with fit_progress(quiet=options.quiet) as report:
        fitted = demo.calibrate(pipeline, known, options.fit_minutes, folder / "personal", report)
    if not fitted.kept:
        console.print("No fitted model read the held-out fifth of them better: the model stays as it was.\n")
    personal = replace(pipeline, recognizer=fitted.recognizer, folder=folder / "personal" / "model")
    facts = {"calibration": f"{options.data_minutes:g} min of another session, {fitted.minutes:.1f} min of fitting"}
    with _watching(typed, pipeline.recognizer.frame_times_s, console) as show:
        after = demo.read(personal, typed, AFTER, show, **facts)
    after_results = results_of(
        after,
        parameters=personal.recognizer.parameter_count,
        calibration_minutes=options.data_minutes,
        train_minutes=round(fitted.minutes, 2),
    )
    _report(after, after_results, console)
    console.print(_table(before_results[0], after_results[0]))
    demo.write_findings(
        folder, [(before, before_results), (after, after_results)], f"{person.subject}, before and after calibration"
    )
    return before_results + after_results


@contextmanager
def _watching(
    typed: Recording, frame_times_s: Callable[[int], np.ndarray], console: Console
) -> Iterator[Callable[[int, str], None]]:
    """Yield what shows the text as it is read, beside what was typed by then: on a terminal only."""
    if not console.is_terminal:
        yield lambda frames, read: None
        return
    import numpy as np
    from rich.live import Live

    from emgasr.tokens import Tokens

    keys = Tokens.keystrokes()
    ids, kept = keys.encode_keys(typed.events.keys)
    times_s = typed.events.time_s[kept]
    with Live(console=console, transient=True, refresh_per_second=10) as live:

        def show(frames: int, read: str) -> None:
            pressed = int(np.searchsorted(times_s, frame_times_s(frames)[-1]))
            live.update(so_far(keys.render(ids[:pressed]), read, console.width, console.height - 2))

        yield show


def _report(evaluation: Evaluation, results: list[Result], console: Console) -> None:
    from emgasr.evaluation.evaluate import WITH_LM
    from emgasr.score import align

    item = evaluation.items[0]
    for line in marked(align(item.text, item.readings[WITH_LM].text), console.width, console.is_terminal):
        console.print(line, soft_wrap=True)
    everybody = results[0].as_dict()
    percent = {name: f"{100 * everybody[name]:.1f} %" for name in FIGURES}
    console.print(
        f"Errors, {evaluation.system}: keys {percent['cer_greedy']} greedy, {percent['cer_lm']} with language model;"
        f" text {percent['cer_rendered_lm']}, words {percent['wer_lm']}."
    )


def _table(before: Result, after: Result) -> Table:
    from rich.table import Table

    table = Table(title="\nError rates, with 95 % intervals over stretches of this minute", title_justify="left")
    table.add_column("")
    for name in (BEFORE, AFTER):
        table.add_column(name, justify="right", no_wrap=True)
    for key, name in FIGURES.items():
        cells = []
        for row in (before.as_dict(), after.as_dict()):
            low, high = row["intervals"][key]
            cells.append(f"{100 * row[key]:.1f} % ({100 * low:.1f}-{100 * high:.1f})")
        table.add_row(name, *cells)
    return table


def _next(options: argparse.Namespace, out: Path) -> str:
    return f"""
What next:
  emgasr demo --seed {options.seed + 1}                 another person
  emgasr demo --data-minutes 10             a longer calibration
  emgasr transcribe {out}/personal/model {out}/typed.hdf5
  README.md                             a tour: your own recordings, training, language models"""


def _free_folder(parent: Path, name: str) -> Path:
    """The first of parent/name, parent/name-2, ... that holds nothing."""
    folder, number = parent / name, 1
    while folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        number += 1
        folder = parent / f"{name}-{number}"
    return folder


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr demo",
        description="Simulate a person never seen in training, read a minute of their typing with the packaged model, "
        "fit the model to a few minutes of theirs, and read the same minute again. Takes under five minutes.",
        examples=("emgasr demo", "emgasr demo --armband", "emgasr demo --seed 1 --data-minutes 10"),
    )
    add_out(made, "where results go (default: out/demo, or the next free name)", required=False, overwrite=False)
    real = "real muscles instead: gestures of people never seen, then after one repetition of theirs; seconds"
    made.add_argument("--armband", action="store_true", help=real)
    made.add_argument("--data-minutes", type=float, default=4.0, metavar="M", help="typing to learn from")
    made.add_argument("--fit-minutes", type=float, default=2.0, metavar="M", help="wall-clock time to learn in")
    made.add_argument("--model", metavar="FOLDER", help="another model, with its lm.arpa.gz and search.yaml")
    add_seed(made, "the test person, 0 to 999")
    add_json(made, "print the rows as JSON; the story goes to stderr")
    add_quiet(made)
    return made


def _options(argv: list[str]) -> argparse.Namespace:
    """Return checked options; --armband takes none of the person who is simulated, not even by its default."""
    made = parser()
    options = made.parse_args(argv, argparse.Namespace(**dict.fromkeys(SIMULATED)))
    given = [f"--{name.replace('_', '-')}" for name in SIMULATED if getattr(options, name) is not None]
    if options.armband and given:
        raise ConfigError(
            "--armband", f"reads people who are not simulated, without {', '.join(given)}", "leave it out"
        )
    for name in SIMULATED:
        if getattr(options, name) is None:
            setattr(options, name, made.get_default(name))
    _check(options)
    return options


def _check(options: argparse.Namespace) -> None:
    if not 0 <= options.seed < 1000:
        raise ConfigError("--seed", f"is {options.seed}", "there are test people 0 to 999")
    for name, least in (("data_minutes", LEAST_CALIBRATION), ("fit_minutes", 0.0)):
        value = getattr(options, name)
        if not least <= value <= 24 * 60 or value == 0:
            wanted = f"at least {least:g}" if least else "more than 0"
            raise ConfigError(f"--{name.replace('_', '-')}", f"is {value:g}", f"give {wanted}, at most a day")
