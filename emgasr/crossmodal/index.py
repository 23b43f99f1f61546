"""Windows of recordings in; a folder that holds their embeddings, to be searched for many hours at once, out.

index.json          the model, the length of a window, the sizes
embeddings.npy      (windows * Q, d) float32, mapped into memory and never read whole
recordings.jsonl    a line a recording: its file and checksum, whose it is, which windows it has, what labels it

The folder takes its place when all of it is written. It is of one model: embeddings of another mean nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import numpy as np

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping
from emgasr.corpora.samples.npy import map_npy
from emgasr.crossmodal.embeddings import Windows
from emgasr.crossmodal.model import AlignedModel
from emgasr.errors import ConfigError, DataError, EmgasrError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing_folder
from emgasr.files.plain_data import json_lines, read_json
from emgasr.files.regular_file import is_regular, status_of
from emgasr.manifests.manifest import checksum_file
from emgasr.recording import Recording

FORMAT = 1
INDEX_NAME, EMBEDDINGS_NAME, RECORDINGS_NAME = "index.json", "embeddings.npy", "recordings.jsonl"
MOST = 2**40  # bytes of a file, windows, seconds: beyond what any index has
_ADVICE = "build the index again, in another folder"


@dataclass(frozen=True)
class IndexFile:
    """What index.json holds.

    Args:
        emgasr_index: number of the format.
        model: checksum of the aligned model.
        hop_s: seconds of a window.
        queries: Q, embeddings of a window.
        width: d, numbers of an embedding.
    """

    emgasr_index: Annotated[int, Within(0, 1e6)]
    model: str
    hop_s: Annotated[float, Within(1e-3, 1e5)]
    queries: Annotated[int, Within(1, 65_536)]
    width: Annotated[int, Within(1, 65_536)]

    def __post_init__(self) -> None:
        check_within(self)


@dataclass(frozen=True)
class Indexed:
    """A recording of an index.

    Args:
        recording: its name, which is the path of its file.
        sha256: of the file's content; "" where it is no single file.
        size: bytes of the file.
        changed_ns: when it changed last, in nanoseconds: an equal size and time save a look at the content.
        subject: whose it is.
        session: which it is of.
        duration_s: its length.
        runs: (first, count) of its windows without a gap between: window k lies between k and k + 1 times `hop_s`.
        missing: windows that are left out, as something in them was not measured.
        labels: (start, end, label) of its labelled spans, in seconds.
    """

    recording: str
    sha256: str
    size: Annotated[int, Within(0, MOST)]
    changed_ns: int
    subject: str
    session: str
    duration_s: Annotated[float, Within(0, MOST)]
    runs: tuple[tuple[Annotated[int, Within(0, MOST)], Annotated[int, Within(1, MOST)]], ...]
    missing: Annotated[int, Within(0, MOST)] = 0
    labels: tuple[tuple[float, float, str], ...] = ()

    def __post_init__(self) -> None:
        check_within(self, "recording")
        last = 0
        for first, count in self.runs:
            if first < last or count < 1:
                raise DataError("runs", "do not follow each other", _ADVICE)
            last = first + count

    @property
    def windows(self) -> int:
        """Their number."""
        return sum(count for _, count in self.runs)

    @property
    def numbers(self) -> np.ndarray:
        """(n,) int64, rising."""
        return np.concatenate([np.arange(first, first + count) for first, count in self.runs] or [np.zeros(0, int)])


@dataclass(frozen=True, eq=False)
class Index:
    """An index that can be searched.

    Args:
        folder: that it was read from.
        file: what index.json holds.
        recordings: in their order.
        embeddings: (windows * Q, d) float32, mapped into memory; the Q of a window follow each other.
    """

    folder: Path
    file: IndexFile
    recordings: tuple[Indexed, ...]
    embeddings: np.ndarray

    @property
    def first_windows(self) -> np.ndarray:
        """(recordings + 1,) int64: where the windows of each recording begin."""
        return np.concatenate([[0], np.cumsum([one.windows for one in self.recordings], dtype=np.int64)])

    @property
    def seconds(self) -> float:
        """Seconds that its windows cover."""
        return float(self.first_windows[-1] * self.file.hop_s)

    def changed(self) -> list[str]:
        """Return the names of recordings whose files are gone or hold something else now."""
        return [one.recording for one in self.recordings if one.sha256 and not _unchanged(one)]


def build_index(
    model: AlignedModel, hop_s: float, read: Iterable[tuple[str, Recording, Windows]], folder: str | Path
) -> None:
    """Write the index of recordings, one after the other, in the memory of one; nothing is left if that fails.

    Args:
        model: that embedded them.
        hop_s: seconds of a window.
        read: the name, the recording and its windows.
        folder: to be made; it may be there, empty.

    Raises:
        OutputError: the folder holds something, or cannot be written.
        DataError: there is no window.
    """
    queries = 1
    with replacing_folder(folder) as place:
        with open(place / EMBEDDINGS_NAME, "wb") as numbers, open(place / RECORDINGS_NAME, "wb") as lines:
            _write_header(numbers, 0, model.width)
            begin, rows = numbers.tell(), 0
            for name, recording, windows in read:
                queries = windows.parts.shape[1]
                numbers.write(np.ascontiguousarray(windows.parts, "<f4").data)
                rows += windows.parts.shape[0] * queries
                lines.write(f"{as_json(asdict(_indexed(name, recording, windows)))}\n".encode())
            if not rows:
                raise DataError("search", "no recording has a window to be found", "give longer recordings")
            numbers.seek(0)
            _write_header(numbers, rows, model.width)
            assert numbers.tell() == begin  # numpy leaves room for a longer shape
            for file in (numbers, lines):
                file.flush()
                os.fsync(file.fileno())
        described = IndexFile(FORMAT, model.checksum, hop_s, queries, model.width)
        (place / INDEX_NAME).write_text(as_json(asdict(described)) + "\n", encoding="utf-8")


def indexed_name(name: str) -> str:
    """Return what an index calls a recording that a user named: the whole path of its file."""
    return str(Path(name).absolute()) if is_regular(name) else name


def is_index(folder: Path) -> bool:
    """Return whether a folder holds an index, or what is left of one."""
    return any(is_regular(folder / name) for name in (INDEX_NAME, EMBEDDINGS_NAME))


def read_index(folder: str | Path, model: AlignedModel) -> Index:
    """Open an index of a model.

    Raises:
        DataError: it is missing, damaged, or of another model.
    """
    folder = Path(folder)
    path = folder / INDEX_NAME
    if not is_regular(path):
        raise DataError(folder, f"is no index (no {INDEX_NAME})", "give a folder that `emgasr search --index` made")
    content: Any = read_json(path, DataError, _ADVICE)
    if not isinstance(content, dict) or content.get("emgasr_index") != FORMAT:
        raise DataError(path, f"is no index of format {FORMAT}", _ADVICE)
    try:
        file = from_mapping(IndexFile, {}, content, path)
    except (EmgasrError, TypeError) as error:  # TypeError: a field is missing
        raise DataError(path, getattr(error, "wrong", "lacks a value"), _ADVICE) from error
    if file.model != model.checksum:
        wrong = f"is an index of another model ({file.model[:16]}, not {model.checksum[:16]})"
        raise DataError(folder, wrong, "search with that model, or build an index of this one in another folder")
    recordings = tuple(_recordings(folder / RECORDINGS_NAME))
    wanted = sum(one.windows for one in recordings) * file.queries, model.width
    index = Index(folder, file, recordings, _embeddings(folder / EMBEDDINGS_NAME, wanted))
    if file.width != model.width or wanted[0] == 0:
        raise DataError(path, "does not belong to the model or holds nothing", _ADVICE)
    return index


def part_of(index: Index, names: Sequence[str]) -> Index:
    """Return the index of some recordings alone, by their names; embeddings of others stay where they are.

    Raises:
        DataError: one is not in the index.
    """
    known = {one.recording for one in index.recordings}
    if strange := [name for name in names if name not in known]:
        raise DataError(index.folder, f"holds nothing of {strange[0]}", _ADVICE)
    places = [place for place, one in enumerate(index.recordings) if one.recording in set(names)]
    if len(places) == len(index.recordings):
        return index
    first, queries = index.first_windows, index.file.queries
    chosen = [index.embeddings[first[place] * queries : first[place + 1] * queries] for place in places]
    together = chosen[0] if len(chosen) == 1 else np.concatenate(chosen)
    return replace(index, recordings=tuple(index.recordings[place] for place in places), embeddings=together)


def _write_header(file: BinaryIO, rows: int, width: int) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, width)}
    np.lib.format.write_array_header_1_0(file, header)


def _indexed(name: str, recording: Recording, windows: Windows) -> Indexed:
    path = Path(name)
    numbers = windows.numbers
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    runs = tuple((int(run[0]), len(run)) for run in np.split(numbers, breaks) if len(run))
    spans = recording.spans
    labels = tuple(
        (round(float(start_s), 4), round(float(end_s), 4), "rest" if kind == "rest" else text)
        for start_s, end_s, kind, text in zip(spans.start_s, spans.end_s, spans.kinds, spans.texts, strict=True)
        if kind != "prompt"
    )
    single = is_regular(path)
    status = path.stat() if single else None
    return Indexed(
        indexed_name(name),
        checksum_file(path) if single else "",
        status.st_size if status else 0,
        status.st_mtime_ns if status else 0,
        recording.subject,
        recording.session,
        recording.duration_s,
        runs,
        windows.missing,
        labels,
    )


def _unchanged(one: Indexed) -> bool:
    try:
        status = status_of(one.recording, DataError)
        if status.st_size != one.size:
            return False
        return status.st_mtime_ns == one.changed_ns or checksum_file(one.recording) == one.sha256
    except EmgasrError:
        return False


def _recordings(path: Path) -> Iterator[Indexed]:
    for where, content in json_lines(path, DataError, _ADVICE):
        try:
            yield from_mapping(Indexed, {}, content, where)
        except (ConfigError, DataError, TypeError) as error:
            raise DataError(where, getattr(error, "wrong", "lacks a value"), _ADVICE) from error


def _embeddings(path: Path, wanted: tuple[int, int]) -> np.ndarray:
    status_of(path, DataError, _ADVICE)
    try:
        found, beyond = map_npy(path)
    except EmgasrError as error:
        raise DataError(path, error.wrong, _ADVICE) from error
    if found.dtype != np.dtype("<f4") or found.shape != wanted or beyond or not found.flags.c_contiguous:
        raise DataError(path, f"holds {found.dtype} {found.shape}, where float32 {wanted} belong", _ADVICE)
    return found
