"""Windows, their index and its exact search: against numpy, over gaps, and what a folder of a stranger may hold."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emgasr.crossmodal import index as indexes
from emgasr.crossmodal.embeddings import WindowReader, Windows
from emgasr.crossmodal.index import EMBEDDINGS_NAME, INDEX_NAME, RECORDINGS_NAME, Index, build_index, read_index
from emgasr.crossmodal.model import AlignedModel, load_aligned
from emgasr.crossmodal.retrieval import DROP, likeness_over_time, search
from emgasr.errors import ConfigError, DataError, OutputError
from emgasr.recording import Recording
from emgasr.sessions.native import save_session
from tests.helpers.aligned_models import QUERIES, WIDTH, write_aligned
from tests.helpers.armbands import recording

HOP_S = 0.5


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> AlignedModel:
    return load_aligned(write_aligned(tmp_path_factory.mktemp("model") / "aligned"))


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def made(folder: Path, model: AlignedModel, runs: list[list[int]], seed: int = 0, smooth: float = 0.0) -> Index:
    """An index of random embeddings; each recording has these windows."""
    rng = np.random.default_rng(seed)

    def read() -> list[tuple[str, Recording, Windows]]:
        found = []
        for place, numbers in enumerate(runs):
            parts = rng.standard_normal((len(numbers), QUERIES, WIDTH)) + smooth * rng.standard_normal(WIDTH)
            one = recording("myo", f"p{place}")
            found.append((f"r{place}", one, Windows(np.array(numbers, np.int64), unit(parts))))
        return found

    build_index(model, HOP_S, read(), folder)
    return read_index(folder, model)


def test_windows_are_the_frames_that_end_them_and_go_on_through_pieces(
    model: AlignedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = recording("bar", "q")
    windows = WindowReader(model, HOP_S).read(one)
    embedder = model.embedder(model.readers["10-electrodes-500-hz-counts"].signal)
    emissions = embedder.emissions(one)
    times_s = embedder.frame_times_s(len(emissions))
    assert windows.numbers.tolist() == list(range(len(windows.numbers)))
    for number, parts in zip(windows.numbers, windows.parts, strict=True):
        newest = int(np.flatnonzero(times_s <= (number + 1) * HOP_S + 1e-6)[-1])
        assert parts.ravel() == pytest.approx(emissions[newest], abs=1e-6)
    assert np.linalg.norm(windows.parts, axis=2) == pytest.approx(1, abs=1e-5)
    assert windows.parts.shape[1:] == (QUERIES, WIDTH)
    monkeypatch.setattr("emgasr.crossmodal.embeddings.PIECE_S", 4.0)
    pieces = WindowReader(model, HOP_S).read(one)
    assert pieces.numbers.tolist() == windows.numbers.tolist()
    assert pieces.parts[:7] == pytest.approx(windows.parts[:7], abs=1e-5)


def test_what_was_not_measured_leaves_no_window_and_is_counted(model: AlignedModel) -> None:
    one = recording("myo", "q")
    samples = np.array(one.samples)
    samples[round(5.0 * 200) : round(6.2 * 200)] = np.nan
    windows = WindowReader(model, HOP_S).read(replace(one, samples=samples))
    whole = WindowReader(model, HOP_S).read(one)
    gone = sorted(set(whole.numbers.tolist()) - set(windows.numbers.tolist()))
    assert gone == [10, 11, 12]  # 5 to 6.5 s
    assert (windows.missing, whole.missing) == (3, 0)
    assert any("5.0" in note or "passed over" in note for note in windows.notes)


def test_windows_shorter_than_a_frame_are_refused(model: AlignedModel) -> None:
    with pytest.raises(ConfigError, match="a frame of this model takes"):
        WindowReader(model, 0.001)


def test_an_index_holds_what_was_read_and_search_is_exact(model: AlignedModel, tmp_path: Path) -> None:
    index = made(tmp_path / "index", model, [list(range(40)), [0, 1, 2, 5, 6, 9], list(range(3, 60))])
    assert [one.runs for one in index.recordings] == [((0, 40),), ((0, 3), (5, 2), (9, 1)), ((3, 57),)]
    query = unit(np.random.default_rng(1).standard_normal(WIDTH))
    likeness = (np.array(index.embeddings) @ query).reshape(-1, QUERIES).max(1)  # numpy, over everything
    hits = search(index, query, 5)
    assert [hit.likeness for hit in hits] == sorted((hit.likeness for hit in hits), reverse=True)
    assert hits[0].likeness == pytest.approx(likeness.max(), abs=1e-6)
    for hit in hits:
        ends_s, own = likeness_over_time(index, hit.place, query)
        within = own[(ends_s > hit.start_s + 1e-6) & (ends_s <= hit.end_s + 1e-6)]
        assert within.max() == pytest.approx(hit.likeness, abs=1e-6)
        assert len(within) == round((hit.end_s - hit.start_s) / HOP_S)  # no gap lies in a hit
        assert own[np.argmin(abs(ends_s - hit.best_s))] == pytest.approx(hit.likeness, abs=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_hits_do_not_touch_and_nothing_better_is_left_beside(model: AlignedModel, tmp_path: Path, seed: int) -> None:
    index = made(tmp_path / "index", model, [list(range(30)), [0, 1, 2, 5, 6, 9]], seed, smooth=1.5)
    query = unit(np.random.default_rng(seed + 100).standard_normal(WIDTH))
    hits = search(index, query, 4)
    for place in (0, 1):
        ends_s, own = likeness_over_time(index, place, query)
        covered = np.zeros(len(own), bool)
        for hit in (hit for hit in hits if hit.place == place):
            inside = (ends_s > hit.start_s + 1e-6) & (ends_s <= hit.end_s + 1e-6)
            beside = (ends_s > hit.start_s - HOP_S + 1e-6) & (ends_s <= hit.end_s + HOP_S + 1e-6)
            assert not (covered & beside & inside).any()
            assert own[inside].min() >= hit.likeness - 2 * DROP - 1e-6
            covered |= beside
        if len(hits) == 4:
            assert own[~covered].max(initial=-1) <= hits[-1].likeness + 1e-6


def test_more_asked_than_there_is_returns_all_that_is_apart(model: AlignedModel, tmp_path: Path) -> None:
    index = made(tmp_path / "index", model, [[0], [4], [0, 1, 2]])
    assert 3 <= len(search(index, unit(np.ones(WIDTH)), 100)) <= 4


def test_an_index_of_another_model_is_refused(model: AlignedModel, tmp_path: Path) -> None:
    made(tmp_path / "index", model, [[0, 1]])
    other = load_aligned(write_aligned(tmp_path / "other", seed=1))
    with pytest.raises(DataError, match="is an index of another model"):
        read_index(tmp_path / "index", other)


def test_a_recording_that_changed_is_noticed_and_a_touched_one_is_not(model: AlignedModel, tmp_path: Path) -> None:
    path = tmp_path / "one.hdf5"
    one = recording("myo", "q")
    save_session(one, path)
    build_index(model, HOP_S, [(str(path), one, WindowReader(model).read(one))], tmp_path / "index")
    index = read_index(tmp_path / "index", model)
    path.touch()
    assert index.changed() == []
    save_session(recording("myo", "other"), path)
    assert index.changed() == [str(path)]
    path.unlink()
    assert index.changed() == [str(path)]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, DataError("r1", "is damaged"), OSError(28, "No space left")])
def test_what_fails_leaves_no_index(model: AlignedModel, tmp_path: Path, failure: BaseException) -> None:
    one = recording("myo", "q")

    def read():  # type: ignore[no-untyped-def]
        yield "r0", one, WindowReader(model).read(one)
        raise failure

    expected = {OSError: OutputError, DataError: DataError}.get(type(failure), KeyboardInterrupt)
    with pytest.raises(expected):
        build_index(model, HOP_S, read(), tmp_path / "index")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(model: AlignedModel, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(OutputError, match="already holds something"):
        made(tmp_path, model, [[0]])
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def _lines(change: Callable[[dict[str, object]], None]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        rows = [json.loads(line) for line in (folder / RECORDINGS_NAME).read_text().splitlines()]
        change(rows[0])
        (folder / RECORDINGS_NAME).write_text("".join(json.dumps(row) + "\n" for row in rows))

    return damage


def _array(array: np.ndarray, **options: bool) -> Callable[[Path], None]:
    return lambda folder: np.save(folder / EMBEDDINGS_NAME, array, **options)


ROWS = 6 * QUERIES
DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda folder: (folder / EMBEDDINGS_NAME).write_bytes((folder / EMBEDDINGS_NAME).read_bytes()[:-4]),
    "longer": lambda folder: (folder / EMBEDDINGS_NAME).open("ab").write(b"more"),
    "pickle": lambda folder: (folder / EMBEDDINGS_NAME).write_bytes(pickle.dumps(np.zeros(3))),
    "objects": _array(np.array([[None] * WIDTH] * ROWS), allow_pickle=True),
    "doubles": _array(np.zeros((ROWS, WIDTH))),
    "columns": _array(np.asfortranarray(np.zeros((ROWS, WIDTH), np.float32))),
    "shape": _array(np.zeros((ROWS, WIDTH + 1), np.float32)),
    "no embeddings": lambda folder: (folder / EMBEDDINGS_NAME).unlink(),
    "no lines": lambda folder: (folder / RECORDINGS_NAME).unlink(),
    "no index": lambda folder: (folder / INDEX_NAME).unlink(),
    "no JSON": lambda folder: (folder / INDEX_NAME).write_text("{"),
    "another format": lambda folder: (folder / INDEX_NAME).write_text('{"emgasr_index": 2}'),
    "a list": lambda folder: (folder / INDEX_NAME).write_text("[1]"),
    "lacks": lambda folder: (folder / INDEX_NAME).write_text('{"emgasr_index": 1}'),
    "overlapping": _lines(lambda row: row.update(runs=[[0, 4], [2, 2]])),
    "endless": _lines(lambda row: row.update(runs=[[0, 2**62]])),
    "negative": _lines(lambda row: row.update(runs=[[-5, 6]])),
    "strange": _lines(lambda row: row.update(evil="x")),
    "no text": _lines(lambda row: row.update(subject=None)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_and_hostile_folders_are_one_line(model: AlignedModel, tmp_path: Path, damage: str) -> None:
    made(tmp_path / "index", model, [[0, 1, 2, 3, 4, 5]])
    DAMAGES[damage](tmp_path / "index")
    with pytest.raises(DataError) as caught:
        read_index(tmp_path / "index", model)
    assert "\n" not in str(caught.value)


def test_numbers_that_are_no_embeddings_are_refused(model: AlignedModel, tmp_path: Path) -> None:
    made(tmp_path / "index", model, [[0, 1, 2, 3, 4, 5]])
    np.save(tmp_path / "index" / EMBEDDINGS_NAME, np.full((ROWS, WIDTH), 7, np.float32))
    with pytest.raises(DataError, match="no embeddings"):
        search(read_index(tmp_path / "index", model), unit(np.ones(WIDTH)), 3)


def test_without_faiss_it_says_what_to_install(
    model: AlignedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = made(tmp_path / "index", model, [[0, 1]])
    monkeypatch.setattr("emgasr.crossmodal.retrieval.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs faiss; pip install 'emgasr\[crossmodal\]'"):
        search(index, unit(np.ones(WIDTH)), 3)


def test_embeddings_stay_in_their_file(model: AlignedModel, tmp_path: Path) -> None:
    index = made(tmp_path / "index", model, [list(range(10)), list(range(10))])
    assert isinstance(index.embeddings, np.memmap)
    one = indexes.part_of(index, ["r1"])
    assert one.embeddings.base is not None
    assert one.embeddings == pytest.approx(index.embeddings[10 * QUERIES :])
    with pytest.raises(DataError, match="holds nothing of r7"):
        indexes.part_of(index, ["r7"])
