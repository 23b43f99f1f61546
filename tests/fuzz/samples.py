"""Formats that hold samples: sessions, journals, arrays, and the published layouts' own files."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from emgasr.recording import Events, Spans
from tests.helpers.layouts import write_hdf5_session, write_ninapro, write_uci, write_utterance
from tests.helpers.layouts import write_neuromotor as write_neuromotor_sessions
from tests.helpers.miniatures import make_recording, write_bids, write_native, write_table

from .formats import Format, Place, Seen, digest_of, expect
from .uses import use_corpus, use_recording, use_verb

RATE_HZ = 200


def opened(path: Path, place: Place) -> Seen:
    """A file that describes itself, as `emgasr.open_recording` and `emgasr info` take it."""
    from emgasr import open_recording

    seen = use_recording(open_recording(path), place)
    use_verb("info", str(path))
    return seen


def native(folder: Path, **changes: object) -> Path:
    return write_native(folder, **changes)  # type: ignore[arg-type]


def journal(folder: Path) -> Path:
    """A recording that was never finished: samples, keys, spans, notes."""
    from emgasr.sessions.journal import Journal

    samples = make_recording().read()
    of_nothing = make_recording(samples=samples[:0], events=Events.empty(), spans=Spans.empty())
    written = Journal(folder / "one.hdf5", of_nothing)
    written.begin(0.0, "rest", "")
    for i in range(10):
        written.samples(samples[20 * i : 20 * (i + 1)])
        if i == 3:
            written.end(0.3)
            written.begin(0.35, "prompt", "añb\n")
            written.key(0.36, "a", 0.39)
            written.note("bridged", 4, "4 samples were lost")
    written.key(0.9, "Key.enter")
    written.sync()
    written.close()
    return folder / "one.hdf5"


def journal_finished(path: Path, place: Place) -> Seen:
    """An unfinished recording is opened, its notes are read, and a copy of it is finished."""
    from emgasr.sessions.journal import finish, is_journal, journal_notes

    seen = opened(path, place)
    if is_journal(path):
        journal_notes(path)
        copy = place.out / "one.hdf5"
        copy.write_bytes(path.read_bytes())
        finish(copy)
    return seen


def neuromotor(folder: Path) -> Path:
    write_neuromotor_sessions(folder, users=1, seconds=4.0)
    return next(folder.glob("*.hdf5"))


def mat(folder: Path, channels: int, rate_hz: int) -> Path:
    write_ninapro(folder, subjects=1, channels=channels, rate_hz=rate_hz)
    return folder / "S1_E2_A1.mat"


def packed_mat(folder: Path) -> Path:
    """The same with compressed variables, as the releases have them."""
    from scipy.io import loadmat, savemat

    path = mat(folder, 16, 40)
    savemat(path, {name: value for name, value in loadmat(path).items() if name[:2] != "__"}, do_compression=True)
    return path


def uci(folder: Path) -> Path:
    write_uci(folder, subjects=1)
    path = next(folder.glob("01/*.txt"))
    path.write_text("\n".join(path.read_text().splitlines()[:400]) + "\n")
    return path


def take(folder: Path, name: str, write: Callable[[Path], object], unit: str = "uV") -> Path:
    """One take of a corpus of takes, with its table."""
    row: dict[str, object] = {
        "file": name,
        "text": "hi",
        "subject": "s1",
        "session": "d1",
        "rate_hz": RATE_HZ,
        "unit": unit,
    }
    write_table(folder / "metadata.csv", [row])
    write(folder / name)
    return folder / name


def values(rows: int = 120, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(7).normal(0, 0.2, (rows, channels))


def npy(folder: Path, kind: str) -> Path:
    scaled = (values() * (1 if "f" in kind else 100)).astype(kind)
    return take(folder, "a.npy", lambda path: np.save(path, scaled))


def wav(folder: Path, kind: str, bits: int, extensible: bool = False) -> Path:
    return take(folder, "a.wav", lambda path: path.write_bytes(wav_bytes(values(), kind, bits, extensible)), "V")


def wav_bytes(samples: np.ndarray, kind: str, bits: int, extensible: bool = False) -> bytes:
    """A RIFF file of integers or floats, with a chunk of another kind before the samples."""
    channels = samples.shape[1]
    if kind == "float":
        data = samples.astype(f"<f{bits // 8}").tobytes()
    elif bits == 8:
        data = np.round(128 + 127 * samples.clip(-1, 1)).astype("u1").tobytes()
    else:
        steps = np.round(samples.clip(-1, 1) * (2 ** (bits - 1) - 1)).astype("<i4")
        data = steps.reshape(-1, 1).view("u1")[:, : bits // 8].tobytes()
    tag, block = {"int": 1, "float": 3}[kind], channels * bits // 8
    form = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, RATE_HZ, RATE_HZ * block, block, bits)
    if extensible:
        form += struct.pack("<HHIH", 22, bits, 0, tag) + bytes.fromhex("000000001000800000aa00389b71")
    chunks = b"".join(
        name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
        for name, content in ((b"fmt ", form), (b"LIST", b"INFOISFT\4\0\0\0emg\0"), (b"data", data))
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def csv_samples(folder: Path, header: str = "", clock: bool = False, before: str = "") -> Path:
    times = np.arange(120)[:, None] / RATE_HZ
    table = np.hstack([times, 100 * values()]) if clock else 100 * values()
    rows = [",".join(f"{value:.6g}" for value in row) for row in table]
    text = "\n".join([*filter(None, (before, header)), *rows]) + "\n"
    return take(folder, "a.csv", lambda path: path.write_text(text))


OPENBCI = "%OpenBCI Raw EXG Data\n%Number of channels = 3\n%Sample Rate = 200 Hz\n%Board = OpenBCI_GUI$BoardCytonSerial"


def corpus(layout: str) -> Callable[[Path, Place], Seen]:
    return lambda path, place: use_corpus(layout, place)


def archive(folder: Path, mode: str) -> Path:
    """Two sessions in an archive, as the large releases come."""
    import tarfile

    path = folder / f"release.{mode}"
    with tarfile.open(path, f"w:{mode.removeprefix('tar').removeprefix('.')}") as tar:
        for name, content in (("data/a.hdf5", b"a" * 3000), ("data/readme", b"?" * 99), ("data/b.hdf5", b"b" * 700)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def extracted(path: Path, place: Place) -> Seen:
    """Wanted files are written whole or not at all, and nothing else is."""
    from emgasr.corpora.archive import extract

    wanted = ("a.hdf5", "b.hdf5")
    with path.open("rb") as stream:
        found = extract(stream, wanted, place.out, str(path), to_the_end=True)
    written = sorted(file.name for file in place.out.iterdir())
    expect(written == sorted(found.written), f"wrote {written}, told {found.written}")
    expect(set(written) <= set(wanted), f"wrote {written}")
    contents = [(place.out / name).read_bytes() for name in written]
    return Seen(
        digest_of(written, contents), (f"{path.name}: lacks {', '.join(found.missing)}",) if found.missing else ()
    )


FORMATS = (
    Format(
        *("native", "layouts", "binary"),
        (native, partial(native, seconds=40.0, rate_hz=1000.0)),
        opened,
        container="hdf5",
        checked=True,
        warm=False,
    ),
    Format("journal", "layouts", "binary", (journal,), journal_finished, container="journal", checked=True, warm=False),
    Format(
        *("emg2qwerty", "layouts", "binary"),
        (partial(write_hdf5_session, seconds=1.5),),
        opened,
        container="hdf5",
        warm=False,
    ),
    Format(*("neuromotor", "layouts", "binary"), (neuromotor,), corpus("neuromotor"), container="hdf5", warm=False),
    Format("bdf", "layouts", "edf", (write_bids,), corpus("bids"), warm=False),
    Format("edf", "layouts", "edf", (partial(write_bids, suffix="edf"),), corpus("bids"), warm=False),
    Format(
        *("ninapro-mat", "layouts", "binary"),
        (partial(mat, channels=16, rate_hz=40), partial(mat, channels=12, rate_hz=20), packed_mat),
        corpus("ninapro"),
        warm=False,
    ),
    Format("uci-text", "layouts", "table", (uci,), corpus("uci_gestures"), warm=False),
    Format(
        *("npy", "samples", "binary"),
        tuple(partial(npy, kind=kind) for kind in ("i1", "<i2", "<f4", ">f8")),
        corpus("takes"),
        warm=False,
    ),
    Format(
        *("wav", "samples", "binary"),
        (
            *(partial(wav, kind="int", bits=bits) for bits in (8, 16, 24, 32)),
            *(partial(wav, kind="float", bits=bits) for bits in (32, 64)),
            *(partial(wav, kind="int", bits=bits, extensible=True) for bits in (16, 24)),
        ),
        corpus("takes"),
        warm=False,
    ),
    Format(
        *("csv", "samples", "table"),
        (csv_samples, partial(csv_samples, header="a,b,c"), partial(csv_samples, header="time,a,b,c", clock=True)),
        corpus("takes"),
        warm=False,
    ),
    Format(
        *("openbci-text", "samples", "table"),
        (partial(csv_samples, before=OPENBCI), partial(csv_samples, before=OPENBCI, header="time,a,b,c", clock=True)),
        corpus("takes"),
        warm=False,
    ),
    Format(
        *("gaddy-npy", "samples", "binary"),
        (
            lambda folder: write_utterance(
                folder / "silent_parallel_data" / "5-4_silent", 0, "book", 3, "Over two dogs"
            ),
        ),
        corpus("gaddy"),
        warm=False,
    ),
    Format("archive", "layouts", "binary", (partial(archive, mode="tar"),), extracted, warm=False),
    Format(
        *("archive-packed", "layouts", "binary"),
        tuple(partial(archive, mode=mode) for mode in ("tar.gz", "tar.xz", "tar.bz2")),
        extracted,
        checked=True,
        warm=False,
    ),
)
