"""`emgasr simulate-takes`: words and a seed in, a folder of files in which a simulated person says them out."""

from __future__ import annotations

import argparse
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_quiet, add_seed
from emgasr.cli.progress import counted
from emgasr.display import wording
from emgasr.errors import ConfigError
from emgasr.files.output import claimed_folder

if TYPE_CHECKING:
    from emgasr.recording import Recording
    from emgasr.simulate.take_files import WrittenFile

WORDS = ("yes", "no", "help", "stop", "water", "home")
LIVE_PAUSE_S = (1.2, 3.0)  # between the words of a continuous recording
LONGEST_WORD = 40
MOST_FILES = 99_999


def run(argv: list[str]) -> int:
    """Simulate the sessions of one person and write their files into OUT; return the exit code."""
    options = parser().parse_args(argv)
    _check(options)
    from emgasr.simulate.take_files import write_sessions, write_takes

    with claimed_folder(options.out, options.overwrite) as folder:
        if options.continuous:
            written = write_sessions(folder, _sessions(options), options.format)
        else:
            written = write_takes(folder, _sessions(options), options.format, options.metadata)
    _report(written, options)
    return 0


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr simulate-takes",
        description="Make recordings of a simulated person who mouths words, or spells them with one hand, a file a "
        "take, as a lab has them. Electrodes are put on afresh for each session. The same options make the same files.",
        examples=(
            "emgasr simulate-takes --out takes --words yes no help --sessions 3 --takes 12",
            "emgasr simulate-takes --out spelled --place forearm --electrodes 8 --metadata",
            "emgasr simulate-takes --out live --first-session 4 --sessions 1 --takes 2 --continuous",
        ),
        notes="Files are named WORD_SESSION_NUMBER.wav. A WAV file holds 16-bit steps of 1 µV (full scale 32,768 µV),\n"
        "an NPY file float32 µV (samples, electrodes). Columns of metadata.csv: file, text, subject, session,\n"
        "rate_hz, unit; of recordings.csv: file, subject, session, rate_hz, unit; of labels.csv: file, start_s,\n"
        "end_s, label.",
    )
    add_out(made, "where the files go")
    made.add_argument("--words", nargs="+", default=list(WORDS), metavar="WORD", help="what is said")
    place = "face: mouthed, a line of electrodes from cheek to throat; forearm: spelled by hand, a ring"
    made.add_argument("--place", choices=("face", "forearm"), default="face", help=place)
    made.add_argument("--sessions", type=int, default=3, help="sittings; electrodes are put on anew for each")
    made.add_argument("--first-session", type=int, default=1, help="number of the first session")
    made.add_argument("--takes", type=int, default=12, help="takes of each word in a session")
    made.add_argument("--rest-takes", type=int, default=0, help="takes of silence in a session, named rest_…")
    made.add_argument("--electrodes", type=int, default=6, help="how many electrodes, 1 to 32")
    made.add_argument("--rate-hz", type=int, default=1000, help="samples a second, 200 to 2000")
    made.add_argument("--format", choices=("wav", "npy"), default="wav", help="what the files are")
    made.add_argument("--metadata", action="store_true", help="write metadata.csv too: the layout `takes`")
    continuous = "a file a session, words and rests in turn, with recordings.csv and labels.csv: the layout `spans`"
    made.add_argument("--continuous", action="store_true", help=continuous)
    add_seed(made, "the person")
    add_json(made)
    add_quiet(made)
    return made


def _check(options: argparse.Namespace) -> None:
    for name, least in (("sessions", 1), ("first_session", 0), ("takes", 1), ("rest_takes", 0), ("seed", 0)):
        if (value := getattr(options, name)) < least:
            raise ConfigError(f"--{name.replace('_', '-')}", f"is {value}", f"give {least} or more")
    from emgasr.simulate.words import MOST_ELECTRODES, RATES_HZ

    for option, value, least, most in (
        ("--electrodes", options.electrodes, 1, MOST_ELECTRODES),
        ("--rate-hz", options.rate_hz, *RATES_HZ),
    ):
        if not least <= value <= most:
            raise ConfigError(option, f"is {value}", f"give {least} to {most}")
    files = options.sessions * (options.takes * len(options.words) + options.rest_takes)
    if files > MOST_FILES:
        raise ConfigError("--takes", f"would make {files:,} takes", f"ask for {MOST_FILES:,} at most")
    if options.metadata and options.continuous:
        raise ConfigError(
            "--metadata", "was given with --continuous, which has tables of its own", "leave one of the two out"
        )
    _check_words(options.words)


def _check_words(words: list[str]) -> None:
    """Refuse words that cannot stand in a file's name, name one file twice, or mean rest."""
    from emgasr.corpora.spans import REST

    seen: dict[str, str] = {}
    for word in words:
        fits = word.strip() == word and word and all(unicodedata.category(c)[0] in "LMN" or c in " -'" for c in word)
        if not fits or len(word) > LONGEST_WORD:
            advice = f"use letters, digits, blanks, - and ', at most {LONGEST_WORD}"
            raise ConfigError("--words", f"{word!r} cannot stand in a file's name", advice)
        if word.casefold() in REST:
            raise ConfigError("--words", f"{word!r} means that nothing is said", "ask for --rest-takes")
        if (before := seen.get(word.casefold())) is not None:
            raise ConfigError("--words", f"names {before!r} and {word!r}", "give each word once")
        seen[word.casefold()] = word


def _sessions(options: argparse.Namespace) -> Iterator[Recording]:
    from emgasr.simulate import shuffled_words, simulate_speaker, simulate_words
    from emgasr.simulate.words import TAKE_PAUSE_S

    speaker = simulate_speaker(options.seed, options.place)
    numbers = range(options.first_session, options.first_session + options.sessions)
    for session in counted(numbers, "simulating", len(numbers), options.quiet):
        yield simulate_words(
            speaker,
            session,
            shuffled_words(options.words, options.takes, options.rest_takes, (options.seed, session)),
            electrodes=options.electrodes,
            rate_hz=options.rate_hz,
            pause_s=LIVE_PAUSE_S if options.continuous else TAKE_PAUSE_S,
        )


def _report(written: list[WrittenFile], options: argparse.Namespace) -> None:
    minutes = sum(file.seconds for file in written) / 60
    if options.json:
        summary = {
            "folder": str(options.out),
            "files": len(written),
            "subject": written[0].subject,
            "sessions": options.sessions,
            "minutes": round(minutes, 3),
            "rate_hz": options.rate_hz,
            "electrodes": options.electrodes,
            "unit": "uV",
        }
        print_json(summary)
        return
    what = "recording" if options.continuous else "take"
    print(
        f"{wording.counted(len(written), what)} of {wording.counted(len(options.words), 'word')} in "
        f"{wording.counted(options.sessions, 'session')}, {minutes:.1f} minutes, "
        f"{wording.counted(options.electrodes, 'electrode')} at {options.rate_hz} Hz in µV: {options.out}"
    )
