"""`emgasr condition RECORDING --out FILE`: a recording in; the same, filtered or at a lower rate, out."""

from __future__ import annotations

import sys

from emgasr.cli.options.config import ConfigOptions
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out
from emgasr.errors import OutputError

PROGRAM = "emgasr condition"


def run(argv: list[str]) -> int:
    """Filter a recording by the causal filters that a live stream goes through."""
    from emgasr.frontend.conditioning import ConditioningConfig, condition

    filters = ConfigOptions(ConditioningConfig, {})
    options = parser(filters).parse_args(argv)
    config = filters.read(options, "condition")
    if options.out.exists() and not options.overwrite:
        raise OutputError(options.out, "already exists", "choose another name or pass --overwrite")

    from emgasr.corpora import open_any
    from emgasr.frontend.measured import electrode_names
    from emgasr.sessions.native import save_session

    recording = open_any(options.recording)
    conditioned = condition(recording, config)
    save_session(conditioned, options.out)
    samples = conditioned.samples
    if mended := samples.measured.line(electrode_names(recording), recording.rate_hz):  # type: ignore[union-attr]
        print(f"emgasr: {options.recording}: {mended}", file=sys.stderr)
    mains, rate_hz = samples.conditioner.config.mains, conditioned.rate_hz  # type: ignore[union-attr]
    if options.json:
        found = {"recording": str(options.out), "seconds": round(conditioned.duration_s, 3), "mains": mains}
        print_json({**found, "rate_hz": rate_hz, "notes": list(recording.notes)})
        return 0
    filtered = [f"high-pass {config.highpass_hz:g} Hz"] if config.highpass_hz else []
    filtered += [f"low-pass {config.lowpass_hz:g} Hz"] if config.lowpass_hz else []
    filtered += [f"mains {mains} Hz and harmonics" if mains != "none" else "no mains filtered"]
    filtered += [f"{recording.rate_hz:g} → {rate_hz:g} Hz"] if rate_hz != recording.rate_hz else []
    print(f"{options.out}: {conditioned.duration_s:.1f} s; {', '.join(filtered)}")
    for line in recording.notes:
        print(f"note: {line}")
    return 0


def parser(filters: ConfigOptions | None = None) -> ArgumentParser:
    """Return the parser of the verb."""
    from emgasr.frontend.conditioning import ConditioningConfig

    made = ArgumentParser(
        prog=PROGRAM,
        description="Filter drift and mains out of a recording, or lower its rate, by the filters of a live stream.",
        examples=("emgasr condition raw.hdf5 --out clean.hdf5 --mains 50 --rate-hz 1000",),
    )
    made.add_argument("recording", metavar="RECORDING", help="native or emg2qwerty session (HDF5), or BIDS BDF/EDF")
    add_out(made, "session file to write (.hdf5)", metavar="FILE")
    add_json(made)
    (filters or ConfigOptions(ConditioningConfig, {})).add_to(made)
    return made
