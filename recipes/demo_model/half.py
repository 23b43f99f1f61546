"""A model folder in; the same model with its weights as 16-bit floats, in half the bytes, out.

    half.py MODEL OUT

Weights are read as 32-bit floats again: what is lost is the rounding, a part in two thousand of each weight.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.errors import ModelError
from emgasr.files.output import replacing
from emgasr.files.weights import read_weights
from emgasr.models.folder import load_recognizer

WEIGHTS = "model.safetensors"


def run(argv: list[str]) -> int:
    """Write the folder anew and load what was written, so that it is known to be whole."""
    parser = ArgumentParser(prog="half.py", description="Store a model's weights as 16-bit floats.")
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model folder")
    parser.add_argument("out", type=Path, metavar="OUT", help="where the smaller one goes")
    options = parser.parse_args(argv)
    weights = {
        name: value.half() if value.is_floating_point() else value
        for name, value in read_weights(options.model / WEIGHTS).items()
    }
    if lost := [name for name, value in weights.items() if not torch.isfinite(value).all()]:
        raise ModelError(options.model, f"{lost[0]} holds weights beyond 65,504", "package it as it is")
    options.out.mkdir(parents=True, exist_ok=True)
    for path in options.model.iterdir():
        if path.is_file() and path.name != WEIGHTS:
            shutil.copyfile(path, options.out / path.name)
    with replacing(options.out / WEIGHTS) as path:
        path.write_bytes(save(weights))
    load_recognizer(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
