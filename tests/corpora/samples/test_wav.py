"""WAV files of every kind: one stored step is one scale; what is cut, unfinished or compressed is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from emgasr.corpora.samples.arrays import open_samples
from emgasr.errors import RecordingError

STEPS = np.array([[0, 1], [-1, 100], [-128, 127], [5, -7], [3, 2]])
UNKNOWN = 0xFFFFFFFF
GUID = bytes.fromhex("000000001000800000aa00389b71")


def packed(steps: np.ndarray, container: int, shift: int = 0, code: int = 1, order: str = "<") -> bytes:
    """Samples as the file holds them."""
    if code == 3:
        return steps.astype(f"{order}f{container}").tobytes()
    byteorder = "little" if order == "<" else "big"
    if container == 1:
        return (steps + 128).astype(np.uint8).tobytes()
    return b"".join((int(v) << shift).to_bytes(container, byteorder, signed=True) for v in steps.reshape(-1))


def riff(
    path: Path,
    raw: bytes,
    container: int = 2,
    *,
    code: int = 1,
    bits: int | None = None,
    valid: int | None = None,
    rate: int = 1000,
    channels: int = 2,
    kind: bytes = b"RIFF",
    sizes: tuple[int, int] | None = None,
    before: bytes = b"",
    behind: bytes = b"",
) -> Path:
    """A WAV file, EXTENSIBLE if `valid` bits are told; `sizes` are what RIFF and data tell, if not the truth."""
    order = ">" if kind == b"RIFX" else "<"
    told = bits if bits is not None else 8 * container
    block = channels * container
    layout = [0xFFFE if valid is not None else code, channels, rate, rate * block, block, told]
    format_ = struct.pack(order + "HHIIHH", *layout)
    if valid is not None:
        format_ += struct.pack(order + "HHIH", 22, valid, 0, code) + GUID
    body = b"WAVE" + before + b"fmt " + struct.pack(order + "I", len(format_)) + format_
    whole = len(body) + 8 + len(raw) + len(raw) % 2
    riff_size, data_size = sizes or (whole, len(raw))
    body += b"data" + struct.pack(order + "I", data_size) + raw + b"\0" * (len(raw) % 2)
    path.write_bytes(kind + struct.pack(order + "I", riff_size) + body + behind)
    return path


def read(path: Path, scale: float = 1.0) -> np.ndarray:
    return np.asarray(open_samples(path, 1000.0, scale).samples[:])


@pytest.mark.parametrize(
    ("container", "shift", "options"),
    [
        (1, 0, {}),
        (2, 0, {}),
        (3, 0, {}),
        (4, 0, {}),
        (8, 0, {}),
        (4, 0, {"code": 3}),
        (8, 0, {"code": 3}),
        (1, 0, {"valid": 8}),
        (2, 0, {"valid": 16}),
        (3, 0, {"valid": 24}),
        (4, 0, {"code": 3, "valid": 32}),
        (4, 8, {"valid": 24}),
        (3, 4, {"valid": 20}),
        (2, 4, {"valid": 12}),
        (4, 16, {"valid": 16}),
        (3, 4, {"bits": 20}),
        (2, 4, {"bits": 12}),
        (2, 0, {"kind": b"RIFX"}),
        (3, 0, {"kind": b"RIFX"}),
        (4, 0, {"kind": b"RIFX", "code": 3}),
        (2, 0, {"before": b"JUNK\4\0\0\0abcd"}),
        (2, 0, {"before": b"bext\3\0\0\0abc\0"}),
    ],
)
def test_one_stored_step_is_one_scale(tmp_path: Path, container: int, shift: int, options: dict[str, object]) -> None:
    order = ">" if options.get("kind") == b"RIFX" else "<"
    raw = packed(STEPS, container, shift, int(options.get("code", 1)), order)  # type: ignore[call-overload]
    path = riff(tmp_path / "t.wav", raw, container, **options)  # type: ignore[arg-type]
    np.testing.assert_array_equal(read(path), STEPS)
    np.testing.assert_array_equal(read(path, 0.5), STEPS * 0.5)
    np.testing.assert_array_equal(open_samples(path, 1000.0).samples[1:3], STEPS[1:3])
    assert open_samples(path, 1000.0).notes == ()


def test_extreme_steps_of_24_bits_are_exact(tmp_path: Path) -> None:
    steps = np.array([[-(1 << 23), (1 << 23) - 1], [0, -1], [1 << 22, 12345]])
    np.testing.assert_array_equal(read(riff(tmp_path / "t.wav", packed(steps, 3), 3)), steps)


def test_bits_below_the_valid_ones_are_refused(tmp_path: Path) -> None:
    low = riff(tmp_path / "t.wav", packed(STEPS, 4), 4, valid=24)  # not moved up, as the format asks
    with pytest.raises(RecordingError, match="tells 24 valid bits, but uses those below"):
        open_samples(low, 1000.0)


RAW = packed(STEPS, 2)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sizes": (1000, 1000)}, "truncated: its header tells 1000 bytes of samples, the file holds 20"),
        ({"sizes": (36 + 40, 40)}, "truncated"),
        ({"sizes": (0, 0)}, "never finished: its header does not tell how many samples it holds .20 bytes lie behind"),
        ({"sizes": (UNKNOWN, UNKNOWN)}, "never finished"),
        ({"sizes": (36, 0)}, "never finished"),
        ({"sizes": (0x80000024, 0x80000000)}, "never finished"),  # arecord
        ({"sizes": (0x7FFFF024, 0x7FFFF000)}, "never finished"),
        ({"raw": RAW[:-1]}, "end within a row of 4"),
        ({"code": 6, "container": 1}, "A-law"),
        ({"code": 7, "container": 1, "valid": 8}, "µ-law"),
        ({"code": 2}, "ADPCM"),
        ({"code": 0x11}, "IMA ADPCM"),
        ({"code": 0x55}, "MP3"),
        ({"code": 0x1234}, "code 0x1234"),
        ({"code": 3, "container": 2}, "damaged header"),
        ({"bits": 24, "container": 2}, "damaged header"),
        ({"bits": 0}, "damaged header"),
        ({"channels": 0}, "damaged header"),
        ({"rate": 0}, "damaged header"),
        ({"rate": 500}, "header tells 500 Hz, 1000"),
        ({"raw": b""}, r"shape \(0, 2\)"),
        ({"kind": b"OggS"}, "not a WAV"),
    ],
)
def test_what_is_not_whole_or_plain_is_refused(tmp_path: Path, options: dict[str, object], told: str) -> None:
    raw = options.pop("raw", RAW)
    container = options.pop("container", 2)
    path = riff(tmp_path / "t.wav", raw, container, **options)  # type: ignore[arg-type]
    with pytest.raises(RecordingError, match=told) as error:
        open_samples(path, 1000.0)
    assert "\n" not in str(error.value)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = riff(tmp_path / "w.wav", packed(STEPS, 3), 3, valid=24).read_bytes()
    for size in range(1, len(whole)):
        (tmp_path / "t.wav").write_bytes(whole[:size])
        with pytest.raises(RecordingError):
            open_samples(tmp_path / "t.wav", 1000.0)


def test_what_lies_beyond_is_told_and_not_read(tmp_path: Path) -> None:
    path = riff(tmp_path / "t.wav", RAW, behind=b"\7" * 11)
    file = open_samples(path, 1000.0)
    np.testing.assert_array_equal(file.samples[:], STEPS)
    assert file.notes == ("11 bytes lie beyond what its header promises and are not read",)
    listed = riff(tmp_path / "l.wav", RAW, behind=b"LIST\4\0\0\0abcd", sizes=(36 + 20 + 12, 20))
    assert open_samples(listed, 1000.0).notes == ()
    with pytest.raises(RecordingError, match="several data chunks"):
        open_samples(riff(tmp_path / "d.wav", RAW, behind=b"data\4\0\0\0abcd", sizes=(36 + 20 + 12, 20)), 1000.0)


def test_a_rate_that_is_no_whole_number_fits_the_header(tmp_path: Path) -> None:
    path = riff(tmp_path / "t.wav", RAW, rate=2148)
    assert open_samples(path, 2148.1481).samples.shape == (5, 2)


@pytest.mark.parametrize("kind", [b"RF64", b"BW64"])
def test_files_over_4_gb_are_read_where_asked(tmp_path: Path, kind: bytes) -> None:
    rows = (5 << 30) // 4
    raw_bytes = rows * 4
    sizes = struct.pack("<QQQI", 72 + raw_bytes, raw_bytes, rows, 0)
    before = b"ds64" + struct.pack("<I", len(sizes)) + sizes
    path = riff(tmp_path / "t.wav", b"", before=before, kind=kind, sizes=(UNKNOWN, UNKNOWN))
    header = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(header + raw_bytes)
        file.seek(header + (rows - 2) * 4)
        file.write(struct.pack("<4h", 1, 2, 3, 4))
    samples = open_samples(path, 1000.0).samples
    assert samples.shape == (rows, 2)
    np.testing.assert_array_equal(samples[rows - 3 :], [[0, 0], [1, 2], [3, 4]])
    with path.open("r+b") as file:
        file.truncate(header + raw_bytes - 4)
    with pytest.raises(RecordingError, match="truncated"):
        open_samples(path, 1000.0)


def test_a_wav_of_3_gb_is_read_where_asked(tmp_path: Path) -> None:
    rows = 3 << 28
    path = riff(tmp_path / "t.wav", b"", sizes=(36 + rows * 4, rows * 4))
    with path.open("r+b") as file:
        file.truncate(44 + rows * 4)
    samples = open_samples(path, 1000.0).samples
    assert samples.shape == (rows, 2)
    np.testing.assert_array_equal(samples[rows - 1 :], [[0, 0]])


def test_a_file_that_changes_is_told(tmp_path: Path) -> None:
    path = riff(tmp_path / "t.wav", RAW)
    samples = open_samples(path, 1000.0).samples
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(RecordingError, match="changed since it was opened"):
        samples[:]
