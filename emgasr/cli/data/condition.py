"""`emgasr condition IN OUT`: a recording in; the same with drift and mains filtered away, or at a lower rate, out."""

from __future__ import annotations

import sys
from pathlib import Path

from emgasr.errors import ConfigError, OutputError

PROGRAM = "emgasr condition"


def run(argv: list[str]) -> int:
    """Filter a recording by the causal filters that a live stream goes through."""
    from emgasr.config.parsing import from_command_line

    # The two files come first: among options that only the configuration knows, they could be taken for values.
    count = next((i for i, word in enumerate(argv) if word.startswith("-")), len(argv))
    files, options = argv[:count], argv[count:]
    if {"-h", "--help"} & set(options):
        print(f"usage: {PROGRAM} IN OUT [options]\n\n{__doc__}\n")
    from emgasr.corpora import open_any
    from emgasr.frontend.conditioning import Conditioner, ConditioningConfig, condition
    from emgasr.frontend.measured import electrode_names
    from emgasr.sessions.native import save_session

    config = from_command_line(ConditioningConfig, {}, options, PROGRAM)
    if len(files) != 2:
        raise ConfigError(PROGRAM, f"needs two files, got {len(files)}", f"{PROGRAM} IN OUT [options]")
    source, target = files
    if Path(target).exists():
        raise OutputError(target, "exists already", "choose another name")
    recording = open_any(source)
    conditioned = condition(recording, config)
    conditioner: Conditioner = conditioned.samples.conditioner  # type: ignore[union-attr]
    save_session(conditioned, target)
    measured = conditioned.samples.measured  # type: ignore[union-attr]
    if mended := measured.line(electrode_names(recording), recording.rate_hz):
        print(f"emgasr: {source}: {mended}", file=sys.stderr)
    mains = conditioner.config.mains
    told = [f"high-pass {config.highpass_hz:g} Hz"] if config.highpass_hz else []
    told += [f"low-pass {config.lowpass_hz:g} Hz"] if config.lowpass_hz else []
    told += [f"mains {mains} Hz and harmonics" if mains != "none" else "no mains filtered"]
    told += [f"{conditioner.input_rate_hz:g} → {conditioner.rate_hz:g} Hz"] if conditioner.taps is not None else []
    print(f"{target}: {conditioned.duration_s:.1f} s; {', '.join(told)}")
    for line in recording.notes:
        print(f"note: {line}")
    return 0
