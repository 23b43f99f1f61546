"""`emgasr condition RECORDING --out FILE`: a recording in; the same, filtered or at a lower rate, out."""

from __future__ import annotations

import sys

from emgasr.cli.options.config import ConfigOptions
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out
from emgasr.cli.options.takes import KINDS, add_take_options, facts_of
from emgasr.errors import OutputError

PROGRAM = "emgasr condition"


def run(argv: list[str]) -> int:
    """Filter a recording by the causal filters that a live stream goes through."""
    from emgasr.frontend.conditioning import ConditioningConfig, condition

    filters = ConfigOptions(ConditioningConfig, {})
    options = parser(filters).parse_args(argv)
    config = filters.read(options, "condition")
    facts = facts_of(options)
    if options.out.exists() and not options.overwrite:
        raise OutputError(options.out, "already exists", "choose another name or pass --overwrite")

    from emgasr.corpora.single import open_single
    from emgasr.frontend.measured import electrode_names
    from emgasr.sessions.native import save_session

    recording = open_single(options.recording, facts)
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
        examples=(
            "emgasr condition raw.hdf5 --out clean.hdf5 --mains 50 --rate-hz 1000",
            "emgasr condition take.npy --rate 2000 --unit mV --out take.hdf5 --mains 50",
        ),
    )
    made.add_argument("recording", metavar="RECORDING", help=KINDS)
    add_out(made, "session file to write (.hdf5)", metavar="FILE")
    add_json(made)
    add_take_options(made, "Rate and unit are the file's own, or must be given")
    (filters or ConfigOptions(ConditioningConfig, {})).add_to(made)
    return made
