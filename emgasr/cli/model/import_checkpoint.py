"""`emgasr import CHECKPOINT --out FOLDER`: a published emg2qwerty TDS checkpoint in, a model folder out."""

from __future__ import annotations

from pathlib import Path

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out
from emgasr.display.visible import markdown_code
from emgasr.files.output import claimed_folder


def run(argv: list[str]) -> int:
    """Convert a checkpoint."""
    options = parser().parse_args(argv)
    from emgasr.manifests.manifest import checksum_file
    from emgasr.models.folder import save_recognizer
    from emgasr.models.published import read_published_tds

    recognizer = read_published_tds(options.checkpoint, options.keep_first_frames)
    with claimed_folder(options.out, options.overwrite):
        checksum = checksum_file(options.checkpoint)
        save_recognizer(recognizer, options.out, _card(options.checkpoint.name, checksum, options.keep_first_frames))
    if options.json:
        print_json({"model": str(options.out), "encoder": "tds", "parameters": recognizer.parameter_count})
    else:
        print(f"{options.out}: TDS, {recognizer.parameter_count:,} parameters")
    return 0


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr import",
        description="Convert a published checkpoint to a model folder.",
        examples=("emgasr import generic.ckpt --out generic",),
    )
    checkpoint = "PyTorch Lightning checkpoint of the published TDS baseline"
    made.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help=checkpoint)
    add_out(made, "the model folder to write")
    first = "read the first emissions too (124 of the published sizes), which the published network does not have: "
    made.add_argument("--keep-first-frames", action="store_true", help=first + "for live use")
    add_json(made)
    return made


def _card(name: str, sha256: str, keep_first_frames: bool) -> str:
    first = "see zeros" if keep_first_frames else "are blank"
    return f"""# emg2qwerty's TDS baseline

Weights of {markdown_code(name)} (SHA-256 {sha256}), converted by `emgasr import`; the first emissions {first} where
the published network, which runs without padding, has none.

The licence is that of the checkpoint's source (emg2qwerty's is CC BY-NC 4.0: no commercial use).
"""
