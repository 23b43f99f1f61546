"""The options on takes, whose files do not say all of themselves: --rate, --unit, --scale-uv, --montage, --columns."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from emgasr.cli.options.parser import ArgumentParser
from emgasr.errors import ConfigError
from emgasr.recording import MONTAGES

if TYPE_CHECKING:
    from emgasr.corpora.single import Facts

KINDS = "native or emg2qwerty session (HDF5), BIDS BDF/EDF, or a single take (.npy, .wav, .csv, .tsv, .txt)"


def add_take_options(parser: ArgumentParser, otherwise: str) -> None:
    """Add the options; `otherwise` says what holds where neither they nor the file say something."""
    group = parser.add_argument_group("single takes, whose files do not say all of themselves", f"{otherwise}.")
    group.add_argument("--rate", type=float, metavar="HZ", help="samples a second of .npy files and tables")
    group.add_argument("--unit", metavar="UNIT", help="uV, mV, V, nV, or counts for a device with no factor to volts")
    group.add_argument("--scale-uv", type=float, metavar="UV", help="µV of one stored step, in place of a unit")
    columns = "the electrodes' columns of a table, by name or number from 1, where its header leaves them open"
    add_montage_option(group)
    group.add_argument("--columns", nargs="+", metavar="COLUMN", default=[], help=columns)


def add_montage_option(group: argparse._ArgumentGroup) -> None:
    """Add --montage, of recordings whose files do not say it."""
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in MONTAGES.items())
    montage = f"how the voltage was taken, where the files do not say it ({meanings}); left out: not told"
    group.add_argument("--montage", choices=MONTAGES, help=montage)


def facts_of(options: argparse.Namespace) -> Facts:
    """Return what the options say of single takes."""
    from emgasr.corpora.single import Facts
    from emgasr.corpora.tables.units import check_rate, resolve_unit
    from emgasr.errors import RecordingError

    if options.unit is not None and options.scale_uv is not None:
        raise ConfigError("--scale-uv", "is given, and --unit too", "give one of the two")
    try:
        if options.rate is not None:
            check_rate("--rate", options.rate)
        if options.unit is not None or options.scale_uv is not None:
            resolve_unit("--unit" if options.unit is not None else "--scale-uv", options.unit, options.scale_uv)
    except RecordingError as error:
        raise ConfigError(error.where, error.wrong, error.advice) from error
    return Facts(options.rate, options.unit, options.scale_uv, tuple(options.columns), options.montage or "")
