"""`emgasr import CHECKPOINT --out FOLDER`: a published emg2qwerty TDS checkpoint in, a model folder out."""

from __future__ import annotations

from pathlib import Path

from emgasr.cli.options.parser import ArgumentParser
from emgasr.display.visible import markdown_code
from emgasr.files.output import claimed_folder
from emgasr.models.folder import save_recognizer


def run(argv: list[str]) -> int:
    """Convert a checkpoint."""
    parser = ArgumentParser(prog="emgasr import", description="A published checkpoint becomes a model folder.")
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="PyTorch Lightning checkpoint of the published TDS baseline"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="the model folder to write")
    parser.add_argument(
        "--keep-first-frames",
        action="store_true",
        help="read the first emissions too (124 of the published sizes), which the published network does not have: "
        "for live use",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the files of a model that is there")
    options = parser.parse_args(argv)

    from emgasr.manifests.manifest import checksum_file
    from emgasr.models.published import read_published_tds

    recognizer = read_published_tds(options.checkpoint, options.keep_first_frames)
    with claimed_folder(options.out, options.overwrite):
        checksum = checksum_file(options.checkpoint)
        save_recognizer(recognizer, options.out, _card(options.checkpoint.name, checksum, options.keep_first_frames))
    print(f"{options.out}: TDS, {recognizer.parameter_count:,} parameters")
    return 0


def _card(name: str, sha256: str, keep_first_frames: bool) -> str:
    first = "see zeros" if keep_first_frames else "are blank"
    return f"""# emg2qwerty's TDS baseline

Weights of {markdown_code(name)} (SHA-256 {sha256}), converted by `emgasr import`; the first emissions {first} where
the published network, which runs without padding, has none.

The licence is that of the checkpoint's source (emg2qwerty's is CC BY-NC 4.0: no commercial use).
"""
