"""`emgasr calibrate MODEL --source …`: someone types prompts; a profile with a model fitted to them out, or nothing."""

from __future__ import annotations

import argparse
import shutil
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from emgasr.cli.live.prompt_screen import prompt_screen, read_prompts
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.source import add_source_option
from emgasr.cli.options.standard import add_json, add_model, add_out, add_quiet
from emgasr.errors import ConfigError

if TYPE_CHECKING:
    from emgasr.capture.calibration import CalibrateConfig
    from emgasr.display.console import Console
    from emgasr.sources import Source
    from emgasr.streaming.profile import Profile


def run(argv: list[str]) -> int:
    """Calibrate; 0 also when the profile was dropped, 130 when Ctrl-C stopped it (recordings so far are kept)."""
    options = parser().parse_args(argv)
    _check(options)

    from emgasr.capture.calibration import FITTING, CalibrateConfig, check_signal
    from emgasr.capture.keyboard import has_keyboard
    from emgasr.display.console import Console
    from emgasr.files.output import claimed_folder
    from emgasr.models.folder import load_recognizer
    from emgasr.pipeline import model_folder
    from emgasr.simulate import default_prompts
    from emgasr.sources import Typing, open_source

    prompts = read_prompts(Path(options.prompts)) if options.prompts else default_prompts("train")
    options.model, _ = model_folder(options.model)
    base = load_recognizer(options.model)
    config = CalibrateConfig(options.rest_seconds, options.data_seconds, options.held_out_seconds, options.fit_minutes)
    console = Console(stderr=True, highlight=False)
    source = open_source(options.source)
    with ExitStack() as stack:
        stack.callback(source.close)
        check_signal(base, source)
        if not isinstance(source, Typing) and not has_keyboard():
            raise ConfigError("emgasr calibrate", "needs the keyboard of a terminal", "run it in one")
        folder = stack.enter_context(claimed_folder(options.out, None, done=FITTING))
        try:
            profile = _calibrate(options, prompts, config, source, folder, console)
        except KeyboardInterrupt:
            console.print(f"what was recorded is kept in {folder}", markup=False)
            raise
    if not options.json:
        print(_line(profile))
    kept = _keep(options, profile)
    if not kept:
        shutil.rmtree(folder)
    _report(options, profile, folder, kept)
    return 0


def _calibrate(
    options: argparse.Namespace,
    prompts: tuple[str, ...],
    config: CalibrateConfig,
    source: Source,
    folder: Path,
    console: Console,
) -> Profile:
    from emgasr.capture import calibration as calibrate
    from emgasr.capture.keyboard import terminal_keys
    from emgasr.capture.recorder import Director
    from emgasr.streaming.profile import FIT

    model = options.model
    fits = []

    def start(recording: Path) -> None:
        fits.append(calibrate.fit_in_background(model, recording, folder / FIT, config.fitting_minutes))

    try:
        with terminal_keys() as keys:  # also while fitting: who still types is not to answer what is asked next
            with prompt_screen(console) as show:
                fitted_to, judged_on = calibrate.record_session(
                    source,
                    Director(source, keys, True, show),
                    prompts,
                    config,
                    folder,
                    (options.subject, options.session),
                    start,
                )
            source.close()
            with nullcontext() if options.quiet else console.status("fitting the model to what was typed"):
                calibrate.await_fit(fits[0])
    finally:
        for fit in fits:
            if fit.poll() is None:
                fit.terminate()
                fit.wait()
    from emgasr.models.folder import load_recognizer

    return calibrate.judge(load_recognizer(model), folder, fitted_to, judged_on, model.resolve().name, options.session)


def _keep(options: argparse.Namespace, profile: Profile) -> bool:
    """What was asked for, or what the person answers, or whatever is better."""
    from emgasr.capture.keyboard import has_keyboard

    if options.keep or options.drop:
        return bool(options.keep)
    if not has_keyboard() or options.json:
        return profile.better
    likely = "Y/n" if profile.better else "y/N"
    try:
        answer = input(f"Keep this profile? [{likely}] ").strip().lower()
    except EOFError:  # Ctrl-D
        answer = ""
    return answer.startswith("y") if answer else profile.better


def _line(profile: Profile) -> str:
    return (
        f"keys wrong on {profile.held_out_keys} held-out keys: {100 * profile.cer_before:.1f} % → "
        f"{100 * profile.cer_after:.1f} % (greedy)"
    )


def _report(options: argparse.Namespace, profile: Profile, folder: Path, kept: bool) -> None:
    from dataclasses import asdict

    if options.json:
        print_json({"folder": str(folder) if kept else None, "kept": kept, **asdict(profile)})
        return
    print(f"{folder}: kept; read on by `emgasr stream {folder} --source …`" if kept else "dropped; nothing was kept")


def _check(options: argparse.Namespace) -> None:
    limits = {
        "rest_seconds": (1, 600),
        "data_seconds": (5, 7200),
        "held_out_seconds": (1, 3600),
        "fit_minutes": (0.01, 600),
    }
    for name, (least, most) in limits.items():
        if not least <= getattr(options, name) <= most:
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(flag, f"is {getattr(options, name):g}", f"give {least:g} to {most:g}")


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr calibrate",
        description="Rest, type what is shown, and have the model fitted to you while you type on. The last prompts "
        "are held out and judge how well it reads you. All recordings stay in the profile's folder on this machine.",
        examples=("emgasr calibrate demo --source brainflow:board=0 --subject me --out me",),
    )
    add_model(made)
    add_source_option(made)
    add_out(made, "the profile's folder; must hold nothing", overwrite=False)
    made.add_argument("--subject", default="anonymous", metavar="NAME", help="who types")
    made.add_argument("--session", default="1", metavar="NAME", help="name of the session: bands put on once")
    made.add_argument("--prompts", metavar="FILE", help="lines to type (default: sentences that ship with emgasr)")
    made.add_argument("--rest-seconds", type=float, default=5.0, metavar="S", help="rest before the prompts")
    made.add_argument("--data-seconds", type=float, default=180.0, metavar="S", help="typing to learn from")
    made.add_argument("--held-out-seconds", type=float, default=45.0, metavar="S", help="typing to be judged by")
    made.add_argument("--fit-minutes", type=float, default=2.0, metavar="M", help="time to fit in")
    choice = made.add_mutually_exclusive_group()
    choice.add_argument("--keep", action="store_true", help="keep the profile, whatever it reads")
    choice.add_argument("--drop", action="store_true", help="keep nothing")
    add_json(made, "print the profile as JSON; it is kept if it is better, unless --keep or --drop is given")
    add_quiet(made)
    return made
