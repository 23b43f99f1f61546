"""The names of a table's columns in; what each is (electrode, clock, index, other), or one question, out.

The rule. A column is passed over if its name is empty or one of INDEX and its values count up; it is a clock if a word
of its name is one of TIMES, all of it is one of CLOCKS, or its unit is one of time; it is no electrode if a word of its
name is one of OTHERS, or all of it one of WHOLE_OTHERS. What is left are the electrodes: names that say so (emg1, ch 2,
EXG Channel 0, 3), or, where none does, all (chin, throat). Names that say so beside others that do not are refused with
the question; so are two forms of one (emg_raw, emg_filtered), and a column that rises evenly, as no muscle does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emgasr.display.wording import listed
from emgasr.errors import RecordingError

INDEX = (
    "index idx i n no nr num number id row line sample samples sampleindex samplenumber sampleno sampleid samplecount "
    "samplecounter count counter frame framenumber frameindex frameid packet packetnumber packetcounter packetid "
    "packetindex nseq seq sequence sequencenumber rowindex rowid unnamed dataindex datapoint point"
)
CLOCKS = "t date unix epoch elapsed utc zeit zeitstempel temps horodatage tiempo tempo tijd czas время 时间 時間 시간"
TIMES = (
    "time times timestamp timestamps stamp datetime clock elapsed"  # in any name: lsl_timestamp, Device Time, TimeStamp
)
OTHERS = (
    "acc accel accelerometer acceleration gyro gyr gyroscope mag magn magnetometer imu quat quaternion orientation "
    "roll pitch yaw euler label labels class classes gesture gestures target stimulus restimulus repetition "
    "rerepetition trigger triggers trig trg ttl event events marker markers annotation annotations sync status battery "
    "batt bat temp temperature aux analog digital other rssi checksum crc error errors flag flags note notes comment "
    "comments force glove inclinometer exercise subject participant user trial session phase prompt key keys letter "
    "word text audio ecg ekg eog eeg ppg gsr eda resp respiration bvp spo hr angle angles button buttons valid dropped "
    "di envelope env rectified rms mav smoothed threshold orient"
)
ELECTRODES = (
    "emg semg exg a ch chan chn channel channels electrode electrodes elec el e c s v sensor adc ain pod left right l "
    "r raw filtered filt band ring m muscle grid row col column data value"
)
WHOLE_OTHERS = (  # only if it is all of a name: EMG1-Ref and "EMG activity" are electrodes
    "ref reference gnd ground mic movement movements motion activity state pose"
)
SURE = ("emg", "semg", "exg", "electrode", "electrodes")
FORMS = ("raw", "filtered", "filt")
TIME_UNITS = {"s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "min": 60.0, "minutes": 60.0}
TIME_UNITS |= {"ms": 1e-3, "msec": 1e-3, "millis": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3}
TIME_UNITS |= dict.fromkeys(("us", "µs", "μs", "usec", "micros", "microsecond", "microseconds"), 1e-6)
TIME_UNITS |= dict.fromkeys(("ns", "nsec", "nanos", "nanosecond", "nanoseconds"), 1e-9)
_BRACKETS = re.compile(r"^(.*?)\s*[\[(]\s*([^\[\]()]*?)\s*[\])]\s*$")
_UNIT = "[munµμ]v|volts?|(?:micro|milli)volts?|s|sec|seconds|ms|msec|[uµμ]s|usec|ns"
_ENDING = re.compile(rf"^(.+?)(?:[_ ]({_UNIT})|,\s*(v|{_UNIT}))$", re.IGNORECASE)  # emg_uV; Noraxon: "Biceps,V"
_AGAIN = re.compile(r"\.\d+$")  # pandas' mark of a name that stands there a second time
_SHORT_AXES = re.compile(r"^[agmq][xyzw]\d*$")  # ax, gy, mz, qw, if that is all of a name
_OTHER_AXES = re.compile(r"^(acc|accel|gyro|gyr|mag|quat)[xyzw]?\d*$")
COUNTING = 0.9  # of the steps of an index are the common one
RISING = 0.01  # of the steps of an even column rise, and none falls
LEAST_ROWS = 10


@dataclass(frozen=True)
class Column:
    """One column: its name as it stands in the header, what it is taken for, and the unit that its name tells."""

    at: int
    name: str
    kind: str  # electrode, clock, index, other or open
    unit: str = ""


def columns_of(names: Sequence[str]) -> list[Column]:
    """The columns of a header, each taken for what its name alone tells ("open" where that is nothing)."""
    return [_column(at, name.strip()) for at, name in enumerate(names)]


def is_electrode_name(name: str) -> bool:
    """Whether a name says that it is an electrode's: emg1, ch 2, EXG Channel 0, Channel_3 [µV], or a bare number."""
    words = _words(_split_unit(name)[0])
    letters = [word for word in words if not word.isdigit()]
    if any(word in SURE for word in letters):
        return True
    return len(letters) < len(words) and all(word in ELECTRODES.split() for word in letters)


def electrodes_of(path: Path, columns: Sequence[Column], asked: Sequence[str]) -> list[Column]:
    """The columns that hold electrodes: those `asked` for by name or number (from 1), or those that the rule finds."""
    if asked:
        chosen = [_named(path, columns, str(name).strip()) for name in asked]
        if len(set(chosen)) < len(chosen):
            raise RecordingError(path, f"columns names one twice: {', '.join(map(str, asked))}", "name each once")
        return chosen
    sure = [column for column in columns if column.kind == "electrode"]
    unsure = [column for column in columns if column.kind == "open"]
    if sure and unsure:
        raise question(
            path, columns, f"has {names_of(unsure)} beside electrodes ({names_of(sure[:3])}): what are they?"
        )
    if not sure + unsure:
        raise question(path, columns, "has no column of an electrode")
    chosen = sure or unsure
    if again := _forms_of_one(chosen):
        raise question(path, columns, f"{names_of(again)} look like forms of one electrode")
    return chosen


def _forms_of_one(columns: Sequence[Column]) -> list[Column]:
    """Two columns whose names differ by the words of FORMS alone."""
    seen: dict[tuple[str, ...], tuple[list[str], Column]] = {}
    for column in columns:
        words = _words(_split_unit(column.name)[0])
        forms = [word for word in words if word in FORMS]
        before, earlier = seen.setdefault(tuple(word for word in words if word not in FORMS), (forms, column))
        if before != forms:
            return [earlier, column]
    return []


def counts_up(values: np.ndarray) -> bool:
    """Whether values count, as an index or a counter that starts again does; gaps in it are allowed."""
    if len(values) < 2 or not np.isfinite(values).all() or (values != np.round(values)).any():
        return len(values) == 1
    steps = np.diff(values)
    common = float(np.median(steps))
    return common > 0 and float((steps == common).mean()) >= (COUNTING if len(steps) >= LEAST_ROWS else 1.0)


def rises_evenly(values: np.ndarray) -> bool:
    """Whether values rise and never fall, or count, as an index or a clock does and no muscle."""
    if len(values) < LEAST_ROWS or not np.isfinite(values).all():
        return False
    steps = np.diff(values)
    return counts_up(values) or bool((steps >= 0).all() and (steps > 0).mean() >= RISING)


def check_rising(path: Path, columns: Sequence[Column], chosen: Sequence[Column], values: np.ndarray) -> list[str]:
    """Raise a RecordingError if some of the chosen columns (T, C) look like an index or a clock; a note if all do."""
    rising = [column for i, column in enumerate(chosen) if rises_evenly(values[:, i])]
    if rising and len(rising) < len(chosen):
        raise question(path, columns, f"{names_of(rising)} rises evenly, as an index or a clock does")
    return [f"every column rises evenly, as an index or a clock does: {names_of(rising)}"] if rising else []


def unit_of_time(column: Column) -> float | None:
    """Seconds of one step of a clock, if its name tells."""
    return TIME_UNITS.get(column.unit.lower())


def _column(at: int, name: str) -> Column:
    bare, unit = _split_unit(name)
    words = _words(bare)
    numbered = any(word.isdecimal() for word in words)
    letters = "".join(word for word in words if not word.isdecimal())
    if not name:
        kind = "index" if at == 0 else "open"
    elif _is_other(words, letters):
        kind = "other"
    elif unit.lower() in TIME_UNITS or _is_clock(words):
        kind = "clock"
    elif is_electrode_name(name):
        kind = "electrode"
    elif not letters or letters == "unnamed" or (not numbered and _in(INDEX, letters)):
        kind = "index"
    else:
        kind = "open"
    return Column(at, name, kind, unit)


def _is_other(words: Sequence[str], letters: str) -> bool:
    if _in(WHOLE_OTHERS, letters) or (len(words) == 1 and _SHORT_AXES.match(words[0])):
        return True
    return any(_in(OTHERS, word) or _OTHER_AXES.match(word) for word in words)


def _in(known: str, word: str) -> bool:
    return bool(word) and word in known.split()


def _split_unit(name: str) -> tuple[str, str]:
    """A name and the unit behind it: in brackets, or after a blank or an underscore."""
    again = _AGAIN.sub("", name)
    name = name if again.isdecimal() else again
    if name.lower() in TIME_UNITS:
        return "time", name
    if found := _BRACKETS.match(name):
        return found[1], found[2]
    found = _ENDING.match(name)
    unit = (found[2] or found[3]) if found else ""
    if found is None or (unit.lower() in TIME_UNITS and not _is_clock(_words(found[1]))):
        return name, ""
    return found[1], unit


def _is_clock(words: Sequence[str]) -> bool:
    return any(_in(TIMES, word) for word in words) or (len(words) == 1 and _in(CLOCKS, words[0]))


def _words(name: str) -> list[str]:
    """The words and numbers of a name, in small letters: "EXG Channel 0", "emg_1" and "accX" are parted."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.findall(r"[^\W\d_]+|\d+", parted)]


def _named(path: Path, columns: Sequence[Column], name: str) -> Column:
    found = [column for column in columns if column.name == name]
    found = found or [column for column in columns if column.name.lower() == name.lower()]
    if not found and name.isdecimal() and 1 <= int(name) <= len(columns):
        found = [columns[int(name) - 1]]
    if len(found) != 1:
        wrong = "several columns" if found else "no column"
        raise RecordingError(path, f"has {wrong} called {name!r}", f"it has {len(columns)}: {names_of(columns)}")
    return found[0]


def question(path: Path, columns: Sequence[Column], wrong: str) -> RecordingError:
    """The error that asks which columns hold electrodes."""
    where = "by --columns, or in a column `columns` of the table that lists the file"
    advice = f"name the electrodes (or give their numbers, from 1), {where}; its columns are {names_of(columns)}"
    return RecordingError(path, wrong, advice)


def names_of(columns: Sequence[Column]) -> str:
    """Return the names of columns, as a message lists them."""
    return listed((repr(column.name) if column.name else f"column {column.at + 1}" for column in columns), 12)
