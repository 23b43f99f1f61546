"""The options that verbs share, each defined once: --out, --overwrite, --json, --quiet, --seed, and MODEL."""

from __future__ import annotations

import argparse
from pathlib import Path

PACKAGED_NAMES = ("demo", "armband")  # `emgasr.models.folder.PACKAGED`, without its imports
SHIPPED = "demo (typing) or armband (gestures): models that ship with emgasr"


def add_out(
    parser: argparse._ActionsContainer,
    what: str,
    *,
    metavar: str = "FOLDER",
    required: bool = True,
    overwrite: bool = True,
) -> None:
    """Add --out, where what a verb makes goes, and --overwrite where old content may be replaced."""
    parser.add_argument("--out", type=Path, required=required, metavar=metavar, help=what)
    if overwrite:
        parser.add_argument("--overwrite", action="store_true", help="write where there already is something")


def add_json(parser: argparse._ActionsContainer, what: str = "print the result as JSON") -> None:
    """Add --json: results for programs on standard output, all else on standard error."""
    parser.add_argument("--json", action="store_true", help=what)


def add_quiet(parser: argparse._ActionsContainer) -> None:
    """Add --quiet: no progress; results, warnings and errors stay."""
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def add_seed(parser: argparse._ActionsContainer, of: str) -> None:
    """Add --seed, 0 unless it is given."""
    parser.add_argument("--seed", type=int, default=0, help=f"seed of {of}")


def add_model(parser: argparse._ActionsContainer) -> None:
    """Add MODEL, the first positional of every verb that reads with one."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help=f"model folder of `emgasr train`, profile of `emgasr calibrate`, or {SHIPPED}",
    )
