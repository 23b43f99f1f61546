"""A fusion of two wrists and recordings in; whether the answer with one cut is the other's own, to the bit, out.

cut.py FUSION MANIFEST
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import emgasr
from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.corpora import open_entry
from emgasr.corpora.sensors import only_bands
from emgasr.errors import DataError
from emgasr.fusion.pipeline import FusedPipeline
from emgasr.manifests.manifest import read_manifest
from emgasr.streaming.rules import OFFLINE

CHUNK = 128  # samples


def run(argv: list[str]) -> int:
    """Print a line a wrist; exit code 1 if one differs."""
    parser = ArgumentParser(prog="cut.py", description=__doc__)
    parser.add_argument("fusion", type=Path, metavar="FUSION", help="folder of `emgasr fuse`")
    parser.add_argument("manifest", type=Path, metavar="MANIFEST", help="recordings of both wrists")
    options = parser.parse_args(argv)
    pipeline, manifest = emgasr.load(options.fusion), read_manifest(options.manifest)
    if not isinstance(pipeline, FusedPipeline):
        raise DataError(options.fusion, "is one model", "give a folder of `emgasr fuse`")
    members = pipeline.ensemble.members
    worst = 0
    for place, member in enumerate(members):
        name = "+".join(member.system.bands)
        rest = [other for number, other in enumerate(members) if number != place]
        same = total = 0
        for entry in manifest.entries:
            recording = open_entry(entry, manifest.root)
            samples = np.array(recording.read())
            first = 0
            for band in recording.bands:
                if band.name in member.system.bands:
                    samples[:, first : first + len(band.electrodes)] = 0
                first += len(band.electrodes)
            dead = replace(recording, samples=samples)
            own = rest[0].pipeline.transcribe(only_bands(dead, rest[0].system.bands))
            whole = pipeline.transcribe(dead)
            with pipeline.stream(config=OFFLINE) as live:
                for start in range(0, len(samples), CHUNK):
                    live.feed(samples[start : start + CHUNK])
            total += 1
            same += (whole.keys, whole.score) == (own.keys, own.score) and live.text == own.text
        print(f"{name} cut: {same} of {total} recordings read as by the other alone, to the bit, and live as offline")
        worst = max(worst, int(same < total))
    return worst


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
