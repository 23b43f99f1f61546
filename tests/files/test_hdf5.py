"""HDF5 files of strangers hold what they say in themselves, or are refused in one line; nobody is kept from them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from emgasr import open_recording
from emgasr.corpora import open_any
from emgasr.corpora.emg2qwerty import sessions as emg2qwerty
from emgasr.errors import RecordingError
from emgasr.files.hdf5 import OPEN_FILES
from emgasr.sessions import native as session_file
from tests.helpers.miniatures import make_recording, write_emg2qwerty, write_native


def replaced(name: str, make: Callable[[h5py.File, np.ndarray], object]) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        values = file[name][()]
        del file[name]
        make(file, values)

    return change


def external_link(file: h5py.File, values: np.ndarray) -> None:
    file["samples"] = h5py.ExternalLink("other.hdf5", "/samples")


def device_link(file: h5py.File, values: np.ndarray) -> None:
    file["samples"] = h5py.ExternalLink("pipe", "/samples")


def soft_link(file: h5py.File, values: np.ndarray) -> None:
    file["elsewhere"] = values
    file["samples"] = h5py.SoftLink("/elsewhere")


def loop(file: h5py.File, values: np.ndarray) -> None:
    file["samples"] = h5py.SoftLink("/samples")


def external_storage(file: h5py.File, values: np.ndarray) -> None:
    Path(file.filename).with_name("values.bin").write_bytes(values.tobytes())
    file.create_dataset("samples", values.shape, values.dtype, external=[("values.bin", 0, values.nbytes)])


def virtual(file: h5py.File, values: np.ndarray) -> None:
    layout = h5py.VirtualLayout(values.shape, values.dtype)
    layout[:] = h5py.VirtualSource("other.hdf5", "samples", values.shape)
    file.create_virtual_dataset("samples", layout)


def never_written(file: h5py.File, values: np.ndarray) -> None:
    file.create_dataset("samples", (10**14, 8), np.float32, chunks=(1000, 8))


def half_written(file: h5py.File, values: np.ndarray) -> None:
    file.create_dataset("samples", values.shape, np.float32, chunks=(100, 8))[:200] = values[:200]


def contiguous_never_written(file: h5py.File, values: np.ndarray) -> None:
    file.create_dataset("samples", values.shape, np.float32)


def bomb(file: h5py.File, values: np.ndarray) -> None:
    file.create_dataset("samples", (10**8, 8), np.float32, chunks=(10**8 // 4, 8), compression="gzip")


def unknown_filter(file: h5py.File, values: np.ndarray) -> None:
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_chunk((100, 8))
    created.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, ())  # blosc, which h5py does not bring
    space = h5py.h5s.create_simple(values.shape)
    h5py.h5d.create(file.id, b"samples", h5py.h5t.IEEE_F32LE, space, created)


def compound(file: h5py.File, values: np.ndarray) -> None:
    file["samples"] = values.view([("real", "<f4"), ("imaginary", "<f4")])


def objects(file: h5py.File, values: np.ndarray) -> None:
    file["samples"] = np.array(["a", "b"], dtype=object)


def group(file: h5py.File, values: np.ndarray) -> None:
    file.create_group("samples")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (external_link, "'samples' is a link elsewhere"),
        (device_link, "'samples' is a link elsewhere"),
        (soft_link, "'samples' is a link elsewhere"),
        (loop, "'samples' is a link elsewhere"),
        (external_storage, "the values of 'samples' stand in another file"),
        (virtual, r"'samples' is put together of other datasets \(virtual\)"),
        (never_written, "100,000,000,000 of the 100,000,000,000 chunks of 'samples' were never written"),
        (half_written, "4 of the 6 chunks of 'samples' were never written"),
        (contiguous_never_written, "no value of 'samples' was ever written"),
        (bomb, "'samples' is in chunks of 800,000,000 bytes"),
        (unknown_filter, "'samples' is compressed by"),
        (lambda f, v: f.__setitem__("samples", v.astype(np.float64)), "'samples' is float64"),
        (lambda f, v: f.__setitem__("samples", v.astype(np.float16)), "'samples' is float16"),
        (lambda f, v: f.__setitem__("samples", v.astype(np.complex64)), "'samples' is complex64"),
        (compound, "'samples' is"),
        (objects, "'samples' is object"),
        (group, "holds no dataset 'samples'"),
    ],
)
def test_samples_that_do_not_stand_in_the_file_itself_are_refused(
    tmp_path: Path, make: Callable[[h5py.File, np.ndarray], object], told: str
) -> None:
    write_native(tmp_path, "other.hdf5")
    os.mkfifo(tmp_path / "pipe")
    path = write_native(tmp_path)
    with h5py.File(path, "a") as file:
        replaced("samples", make)(file)
    with pytest.raises(RecordingError, match=told):
        open_recording(path)


@pytest.mark.parametrize("name", ["events", "spans", "notes", "emg2qwerty"])
def test_no_link_out_of_the_file_is_followed_wherever_it_stands(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")  # to open it would hang
    path = write_native(tmp_path)
    with h5py.File(path, "a") as file:
        if name in file:
            del file[name]
        file[name] = h5py.ExternalLink("pipe", "/x")
    with pytest.raises(RecordingError, match="is a link elsewhere"):
        open_any(path)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("rate_hz", np.array([200.0, 100.0]), "not a number or a text"),
        ("rate_hz", np.nan, "not a number"),
        ("rate_hz", np.array((1, 2.0), dtype=[("a", "i4"), ("b", "f4")]), "not a number or a text"),
        ("subject", np.array(["ann", "bob"], dtype=object), "not one text"),
        ("subject", h5py.Empty("f"), "not a number or a text"),
        ("subject", np.bytes_(b"\xff\xfe"), "not UTF-8"),
        ("bands", "[" * 100_000, "attribute 'bands' is not a JSON list"),
        ("bands", '[{"name": "a", "electrodes": "abcdefgh", "ring": true}]', "'bands': 'electrodes' is 'abcdefgh'"),
        ("bands", '[{"name": "a", "electrodes": [1, 2], "ring": true}]', "'bands': 'electrodes' is"),
        ("format", 7, "not an emgasr session"),
    ],
)
def test_an_attribute_of_another_type_is_refused(tmp_path: Path, name: str, value: object, told: str) -> None:
    path = write_native(tmp_path)
    with h5py.File(path, "a") as file:
        del file.attrs[name]
        file.attrs[name] = value
    with pytest.raises(RecordingError, match=told):
        open_recording(path)


@pytest.mark.parametrize("text", ["[" * 5000, '["\\ud800"]', "[1e999]", '{"a": 1}'])
def test_labels_are_plain_lists_of_bounded_depth(tmp_path: Path, text: str) -> None:
    path = write_native(tmp_path)
    with h5py.File(path, "a") as file:
        del file["events/keys"]
        file["events/keys"] = text
    with pytest.raises(RecordingError, match="'events/keys' is not a JSON list"):
        open_recording(path)


def test_the_table_of_emg2qwerty_is_held_to_the_same(tmp_path: Path) -> None:
    path = tmp_path / "s.hdf5"
    write_emg2qwerty(path)
    with h5py.File(path, "a") as file:
        kind = file["emg2qwerty/timeseries"].dtype
        del file["emg2qwerty/timeseries"]
        file["emg2qwerty"].create_dataset("timeseries", (8000,), kind, chunks=(1000,))
    with pytest.raises(RecordingError, match="8 of the 8 chunks"):
        emg2qwerty.open_recording(path)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n")


def annex(path: Path) -> None:
    path.unlink()
    path.symlink_to("../.git/annex/objects/aa/bb/SHA256E-s5--00.hdf5/SHA256E-s5--00.hdf5")


@pytest.mark.parametrize(
    ("change", "told"),
    [(pipe, "no regular file"), (device, "no regular file"), (pointer, "Git LFS"), (annex, "git-annex")],
)
def test_what_is_no_file_is_named_for_what_it_is(tmp_path: Path, change: Callable[[Path], None], told: str) -> None:
    path = write_native(tmp_path)
    change(path)
    for opener in (open_recording, open_any, emg2qwerty.open_recording):
        with pytest.raises(RecordingError, match=told):
            opener(path)


def test_a_heap_of_texts_without_end_is_refused(tmp_path: Path) -> None:
    path = write_native(tmp_path)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"GCOL") + 16
    while any(raw[at : at + 2]):  # up to the free space behind the objects
        at += 16 + -(-int.from_bytes(raw[at + 8 : at + 16], "little") // 8) * 8
    raw[at + 8 : at + 16] = bytes(8)  # HDF5 itself would never come back
    path.write_bytes(raw)
    with pytest.raises(RecordingError, match="a heap of texts is damaged"):
        open_recording(path)


@pytest.mark.parametrize(("field", "value"), [(4, 1), (8, 600), (8, 4915200), (16, 8)])
def test_a_chunk_in_another_place_or_unchecked_is_not_taken_for_zeros(
    tmp_path: Path, field: int, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_file, "HDF5_FORMAT", None)  # the earlier one, which has no checksums here
    path = write_native(tmp_path)
    raw = bytearray(path.read_bytes())
    key = raw.index(b"TREE\x01") + 24  # size, filters left out, offsets of the only chunk
    raw[key + field : key + field + 4] = value.to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(RecordingError, match=r"1 of the 1 chunks of .samples. were never written|is damaged"):
        open_recording(path)


# --- open elsewhere in the process


@pytest.mark.parametrize("mode", ["r", "a"])
def test_a_file_that_is_open_elsewhere_can_be_read(tmp_path: Path, mode: str) -> None:
    path = write_native(tmp_path)
    with h5py.File(path, mode):
        np.testing.assert_array_equal(open_recording(path).read(), make_recording().samples)


@pytest.mark.parametrize("mode", ["r", "a", "r+"])
def test_a_file_that_was_read_can_be_opened_elsewhere(tmp_path: Path, mode: str) -> None:
    path = write_native(tmp_path)
    opened = open_recording(path)
    opened.read()
    with h5py.File(path, mode) as file:
        assert file.attrs["subject"] == "ann"
        opened.read()
    np.testing.assert_array_equal(opened.read(), make_recording().samples)


def test_what_another_writes_is_read_from_then_on(tmp_path: Path) -> None:
    path = write_native(tmp_path)
    open_recording(path).read()
    with h5py.File(path, "a") as file:
        file.attrs["subject"] = "bob"
    assert open_recording(path).subject == "bob"


def test_files_can_be_let_go_and_are_opened_again(tmp_path: Path) -> None:
    opened = open_recording(write_native(tmp_path))
    assert len(OPEN_FILES) > 0
    OPEN_FILES.close()
    assert len(OPEN_FILES) == 0
    assert opened.read().shape == (600, 8)


@pytest.mark.process
def test_a_program_ends_well_with_files_open(tmp_path: Path) -> None:
    write_native(tmp_path)
    script = "import emgasr; r = emgasr.open_recording('one.hdf5'); print(r.read().shape)"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "(600, 8)", "")
