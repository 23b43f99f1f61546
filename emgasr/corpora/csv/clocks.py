"""The clocks and counters among a table's columns: cells and values in, clocks of the samples out."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from emgasr.corpora.csv.columns import Column, names_of, unit_of_time
from emgasr.corpora.tables.clock import RATE_TOLERANCE, Clock, check_times, step_of

STEPS_S = (1.0, 1e-3, 1e-6, 1e-9)  # of clocks that do not tell their unit: the declared rate does
WRAPS = (101, 128, 201, 256, 1024, 4096, 65536)  # where counters of devices start again
ALIKE = 0.9  # of the turns of another counter are of one size
_DATE = re.compile(r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d+))?\s*(Z|[+-]\d\d:?\d\d)?$", re.ASCII)
_DAY = re.compile(r"^\d\d?[./-]\d\d?[./-]\d{4},?[ T]+|^\d{4}[./]\d\d?[./]\d\d?,?[ T]+", re.ASCII)  # in some order
_HALF = re.compile(r"\s*([ap])\.?m\.?$", re.IGNORECASE | re.ASCII)
_MINUTES = re.compile(r"^(\d+):(\d\d[.,]\d+)$", re.ASCII)  # as Excel shows times
DAY_S, FULL = 86400.0, 2.0**32  # where times of day, and the counters of microcontrollers, begin again
_HOURS = re.compile(r"^(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?$", re.ASCII)


def is_number(cell: str) -> bool:
    """Whether a cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def moment(cell: str) -> float | None:
    """Seconds of a time: a number as it is, a date and time since 1970, a time of day since midnight; else None.

    Of dates that could be read two ways (01/02/2024) only the time of day counts.
    """
    if is_number(cell):
        return float(cell)
    if found := _DATE.match(cell):
        try:
            whole = datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00").timestamp()
        except ValueError:
            return None
        zone = found[4] or "Z"
        offset_s = 0 if zone == "Z" else int(zone[0] + "1") * (3600 * int(zone[1:3]) + 60 * int(zone[-2:]))
        return whole - offset_s + float(f"0.{found[3] or 0}")
    cell = _DAY.sub("", cell)
    half = _HALF.search(cell)
    if found := _MINUTES.match(cell):
        return 60.0 * int(found[1]) + float(found[2].replace(",", "."))
    if found := _HOURS.match(_HALF.sub("", cell)):
        hours = int(found[1]) % 12 + (12 if half[1].lower() == "p" else 0) if half else int(found[1])
        whole = timedelta(hours=hours, minutes=int(found[2]), seconds=int(found[3])).total_seconds()
        return whole + float(f"0.{found[4] or 0}")
    return None


def is_of_one_day(cell: str) -> bool:
    """Whether a cell is a time of day, which begins again at midnight."""
    return not is_number(cell) and not _DATE.match(cell) and moment(cell) is not None


def clock_of(path: Path, column: Column, times: np.ndarray, rate_hz: float, of_one_day: bool = False) -> Clock:
    """Return the clock of a column of times; its unit is that of its name, else the one that gives the declared rate.

    Times of day go on after midnight, and whole numbers after 2^32, where the counters of microcontrollers turn.
    """
    rows = np.arange(len(times))
    times = _turned(times, DAY_S if of_one_day else FULL)
    check_times(path, column.name, rows, times)
    step_s = unit_of_time(column)
    fresh = np.concatenate([[True], np.diff(times) > 0])
    if step_s is None and np.count_nonzero(fresh) > 1:
        step = step_of(rows[fresh], times[fresh], rate_hz)
        fits = [unit for unit in STEPS_S if abs(step * unit * rate_hz - 1) <= RATE_TOLERANCE]
        step_s = fits[0] if fits else 1.0
    return Clock.of(path, column.name, rows, times * (step_s or 1.0), rate_hz)


def _turned(times: np.ndarray, turn: float) -> np.ndarray:
    """Times that go on where they turned: fell by nearly `turn`."""
    steps = np.diff(times)
    fell = steps < -0.9 * turn
    if not fell.any() or times.min() < 0 or times.max() >= turn:
        return times
    return times + turn * np.concatenate([[0], np.cumsum(fell)])


def counter_of(path: Path, column: Column, values: np.ndarray, rate_hz: float) -> tuple[Clock | None, str]:
    """Return the clock of a column that counts samples, which were lost where it skips; None and a note if it restarts.

    A counter may turn: begin again where the device's counter is full, or always after the same number.
    """
    steps = np.diff(values)
    common = float(np.median(steps)) if len(steps) else 1.0
    back = steps[steps < 0]
    turn = float(np.ptp(values)) + common
    turns = turn in WRAPS or (len(back) > 2 and float((back == common - turn).mean()) >= ALIKE)
    if len(back) and not turns:
        times = "once" if len(back) == 1 else f"{len(back)} times"
        return None, f"{names_of([column])} starts again {times}, first at sample {int(np.argmax(steps < 0)) + 1}"
    counts = np.concatenate([[0.0], np.cumsum(steps % turn if len(back) else steps)]) / common
    return Clock.of(path, column.name or "index", np.arange(len(counts)), counts / rate_hz, rate_hz), ""
