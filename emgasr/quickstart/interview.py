"""A folder and what options say in; the facts that the files leave open, asked one by one, and the takes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emgasr.corpora.tables.units import check_rate, resolve_montage, resolve_unit
from emgasr.corpora.takes import TABLE
from emgasr.display.wording import counted
from emgasr.errors import ConfigError, OutputError
from emgasr.quickstart.answers import Answers, Question
from emgasr.quickstart.guesses import guess_pattern
from emgasr.quickstart.patterns import RULES, SESSION, SUBJECT, Pattern
from emgasr.quickstart.steps import LETTERS
from emgasr.quickstart.survey import Folder, unit_of
from emgasr.quickstart.takes import Take, contradiction, read_takes
from emgasr.recording import MONTAGES

PREVIEWED = 6
UNKNOWN = "unknown"
NO_MATCH = "its name does not fit the pattern"


@dataclass(frozen=True)
class Given:
    """What options say of all takes; None or "" where nothing was given."""

    rate_hz: float | None = None
    unit: str | None = None
    pattern: str | None = None
    subject: str | None = None
    session: str | None = None
    ring: bool | None = None
    montage: str | None = None


@dataclass(frozen=True)
class Takes:
    """The takes, the files that are none and why, the unit where metadata.csv lacks it, and whether it is there.

    `montage` is "" where nobody says it.
    """

    takes: tuple[Take, ...]
    bad: dict[str, str]
    ring: bool
    montage: str
    unit: str = ""
    listed: bool = False


def takes_asked(folder: Folder, given: Given, answers: Answers) -> Takes:
    """Return the takes of a folder without metadata.csv, as files, options and answers have them.

    Questions without an answer are noted in `answers`; the takes are then as if the guesses were right.
    """
    names = [header.name for header in folder.headers if header.name not in folder.bad]
    pattern = _pattern(names, given, answers)
    fields, others = pattern.match_all(names) if pattern else ({}, [])
    bad = {**folder.bad, **dict.fromkeys(others, NO_MATCH)}
    told = {header.name: header.rate_hz for header in folder.headers if header.rate_hz is not None}
    rate = _rate(folder, given, answers)
    unit = _unit_of("Unit of the samples (uV, mV, V, nV or counts)", folder, given, answers)
    subject = _name(answers, pattern, SUBJECT, given.subject, "me", "the names hold no person")
    session = _name(answers, pattern, SESSION, given.session, "1", "the names hold no session, so all count as one")
    takes = []
    for name, of_name in fields.items():
        if told.get(name, rate) != rate:
            bad[name] = f"its header tells {told[name]:g} Hz, not {rate:g} Hz"
        else:
            takes.append(Take.of(name, of_name, subject, session, rate, unit))
    return Takes(tuple(takes), bad, _ring(given, answers), _montage(given, answers))


def takes_listed(folder: Folder, given: Given, answers: Answers) -> Takes:
    """Return the takes of the metadata.csv of a folder; an OutputError if options say otherwise."""
    takes = read_takes(folder.path)
    named: dict[str, dict[str, str]] = {}
    if given.pattern is not None:
        named, _ = Pattern.parse(given.pattern).match_all([take.file for take in takes])
    said = {SUBJECT: given.subject, SESSION: given.session, "rate": given.rate_hz, "unit": given.unit}
    if wrong := contradiction(takes, said, named):
        advice = "leave the options out to use it, or pass --overwrite to make it anew"
        raise OutputError(folder.path / TABLE, wrong, advice)
    unit = ""
    if any(not take.unit for take in takes):
        unit = _unit_of(f"Unit of the samples ({TABLE} has none)", folder, given, answers)
    listed = {take.file for take in takes}
    bad = {name: why for name, why in folder.bad.items() if name in listed}
    return Takes(tuple(takes), bad, _ring(given, answers), _montage(given, answers), unit, listed=True)


def guess_task(labels: Sequence[str]) -> tuple[str, str]:
    """Return the kind of task that the labels look like, and why."""
    if all(len(label) == 1 for label in labels):
        return LETTERS, "every label is one character"
    return "words", "labels of several characters are read as wholes"


def preview(pattern: Pattern, names: Sequence[str]) -> list[str]:
    """Lines that show what a pattern finds in some of the names."""
    shown = [names[at * len(names) // PREVIEWED] for at in range(PREVIEWED)] if len(names) > PREVIEWED else names
    width = max(map(len, shown))
    found = []
    for name in shown:
        fields = pattern.match(name)
        told = ", ".join(f"{key} {value}" for key, value in fields.items()) if fields else "does not fit"
        found.append(f"  {name:<{width}}  {told}")
    _, others = pattern.match_all(names)
    return [*found, *([f"  {counted(len(others), 'name')} of {len(names)} do not fit"] if others else [])]


def _pattern(names: Sequence[str], given: Given, answers: Answers) -> Pattern | None:
    question = f"Pattern of the names, {RULES}"
    if not names:  # no file can be read, which is reported with the reasons
        return None
    if given.pattern is not None:
        said = Pattern.parse(given.pattern)
        _say_all(answers, preview(said, names))
        return said
    guess = guess_pattern(names)
    if guess is None and not answers.terminal:
        reason = "no part of the names looks like a label"
        raise ConfigError("--pattern", f"is needed: {reason}, as {names[0]}", f"say where it stands, {RULES}")
    pattern = guess.pattern if guess else None
    reason = guess.reason if guess else "no part of the names looks like a label"
    if pattern is None:
        _say_all(answers, [f"  {name}" for name in names[:PREVIEWED]])
    while True:
        if pattern is not None:
            _say_all(answers, preview(pattern, names))
        text = pattern.text if pattern else ""
        chosen = answers.to(Question("pattern", "--pattern", question, Pattern.parse, text, reason))
        if chosen == pattern or not answers.terminal:
            return chosen
        pattern, reason = chosen, "enter takes it"


def _rate(folder: Folder, given: Given, answers: Answers) -> float:
    rates = folder.rates
    if len(rates) and given.rate_hz is None:
        rate, count = rates.most_common(1)[0]
        if 2 * count > len(folder.headers):
            return rate
    reason = f"the {folder.suffix} files do not tell it" if not rates else "the files tell several"
    asked = answers.to(Question("rate", "--rate", "Sampling rate in Hz", _hertz, reason=reason), given.rate_hz)
    return check_rate("--rate", asked) if asked is not None else 1.0


def _unit_of(text: str, folder: Folder, given: Given, answers: Answers) -> str:
    return answers.to(Question("unit", "--unit", text, _unit, *unit_of(folder)), given.unit) or ""


def _name(answers: Answers, pattern: Pattern | None, field: str, given: str | None, guess: str, reason: str) -> str:
    if pattern is not None and field in pattern.fields:
        if given is not None:
            raise ConfigError(f"--{field}", "is in the names already, by the pattern", "leave one of the two out")
        return ""
    question = Question(field, f"--{field}", f"Name of the {field}", _filled, guess, reason)
    return answers.to(question, given) or ""


def _ring(given: Given, answers: Answers) -> bool:
    reason = "a band round a limb has neighbors in a circle; single electrodes have not"
    question = Question(
        "ring", "--ring or --no-ring", "Do the electrodes go round a limb (yes or no)", yes_or_no, "no", reason
    )
    answer = answers.to(question, given.ring)
    return bool(answer)


def _montage(given: Given, answers: Answers) -> str:
    """The montage; "" unless it is given or someone at a terminal says it: most takes come from one device."""
    if given.montage is not None or not answers.terminal or answers.take_guesses:
        return given.montage or ""
    reason = "; ".join(f"{name}: {meaning}" for name, meaning in MONTAGES.items())
    text = f"How the voltage was taken ({', '.join(MONTAGES)} or {UNKNOWN})"
    return answers.to(Question("montage", "--montage", text, _montage_in, UNKNOWN, reason)) or ""


def _montage_in(word: str) -> str:
    return "" if word.strip().lower() == UNKNOWN else resolve_montage("--montage", word)


def yes_or_no(text: str) -> bool:
    """Read yes or no; a ConfigError for anything else."""
    word = text.strip().lower()
    if word in ("y", "yes", "n", "no"):
        return word[0] == "y"
    raise ConfigError("answer", f"{text!r} is neither", "say yes or no")


def _unit(text: str) -> str:
    resolve_unit("--unit", text)
    return text.strip()


def _hertz(text: str) -> float:
    try:
        return check_rate("--rate", float(text.lower().removesuffix("hz")))
    except ValueError as error:
        raise ConfigError("--rate", f"{text!r} is no number", "give the rate in Hz, as 1000") from error


def _filled(text: str) -> str:
    return text.strip()


def _say_all(answers: Answers, lines: Sequence[str]) -> None:
    for line in lines:
        answers.say(line)
