"""Manifests: read, written, split, and checked for leaks."""

from __future__ import annotations

import errno
import json
import os
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emgasr.corpora import open_entry
from emgasr.errors import EmgasrError, ManifestError, OutputError, RecordingError
from emgasr.manifests.manifest import Entry, Manifest, checksum_file, read_manifest, write_manifest
from emgasr.recording import Band
from tests.helpers.miniatures import native_entry, write_native


def three_people(folder: Path) -> Manifest:
    """ann (two days) trains, bob tests."""
    entries = []
    for seed, (subject, split) in enumerate((("ann", "train"), ("ann", "train"), ("bob", "test"))):
        path = write_native(folder, f"{subject}{seed}.hdf5", seed=seed, subject=subject)
        entries.append(native_entry(path, subject=subject, session=f"day{seed}", split=split))
    return Manifest(tuple(entries), folder, ("subject:test", "session", "take"))


def test_what_is_written_is_what_is_read_and_paths_below_are_relative(tmp_path: Path) -> None:
    made = three_people(tmp_path / "data")
    written = write_manifest(made, tmp_path / "m.jsonl")
    read = read_manifest(tmp_path / "m.jsonl")
    assert read == written
    assert read.entries[0].path == "data/ann0.hdf5"
    assert read.claims == made.claims
    assert read.splits == ["train", "test"]
    assert [entry.subject for entry in read.split("test")] == ["bob"]
    assert open_entry(read.entries[2], read.root).subject == "bob"


def test_paths_elsewhere_stay_absolute(tmp_path: Path) -> None:
    written = write_manifest(three_people(tmp_path / "data"), tmp_path / "out" / "m.jsonl")
    assert written.entries[0].path == str(tmp_path / "data" / "ann0.hdf5")


def test_the_checksum_follows_the_content_not_the_place(tmp_path: Path) -> None:
    made = three_people(tmp_path / "data")
    moved = write_manifest(made, tmp_path / "m.jsonl")
    assert moved.checksum() == made.checksum()
    other = replace(made, entries=(*made.entries[:2], replace(made.entries[2], split="validation")))
    assert other.checksum() != made.checksum()
    assert replace(made, claims=()).checksum() != made.checksum()


def test_a_file_checksum_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_text("abc")  # the example of FIPS 180
    assert checksum_file(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_an_unknown_split_is_refused_and_the_known_are_told(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no split 'dev'; its splits: train, test"):
        three_people(tmp_path).split("dev")


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    made = three_people(tmp_path)
    (tmp_path / "bob2.hdf5").unlink()
    with pytest.raises(RecordingError, match=r"bob2\.hdf5: cannot be read \(No such file"):
        open_entry(made.entries[2], made.root)


def edited(**changes: object) -> Callable[[dict[str, object]], str]:
    return lambda row: json.dumps(row | changes)


def without(name: str) -> Callable[[dict[str, object]], str]:
    return lambda row: json.dumps({key: value for key, value in row.items() if key != name})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda row: "{oops", "line 2: is not JSON"),
        (lambda row: "[1]", "line 2: is not a JSON object"),
        (without("sha256"), "line 2: lacks the field 'sha256'"),
        (without("path"), "line 2: lacks the field 'path'"),
        (edited(colour="red"), "line 2: unknown field 'colour'"),
        (edited(rate_hz="fast"), "line 2: 'rate_hz' is 'fast'"),
        (edited(channels=8.5), "line 2: 'channels' is 8.5"),
        (edited(channels=True), "line 2: 'channels' is True"),
        (edited(subject=7), "line 2: 'subject' is 7"),
        (edited(options=[]), r"line 2: 'options' is \[\]"),
        (edited(path=""), "line 2: holds a path that no file can have"),
        (edited(path="a\0b"), "line 2: holds a path that no file can have"),
        (edited(options={"labels": ["\0"]}), "line 2: holds a path that no file can have"),
        (edited(split=" "), "line 2: 'split' is ' '"),
        (edited(duration_s=-1), "line 2: 'duration_s' is -1"),
        (edited(rate_hz=0), "line 2: 'rate_hz' is 0"),
        (edited(channels=0), "line 2: 'channels' is 0"),
        (edited(sha256="abc"), "line 2: 'sha256' is 'abc'"),
        (edited(options={"part_s": [0, True]}), r"option 'part_s' is \[0, True\]"),
        (edited(options={"part_s": [2, 1]}), "option 'part_s'"),
        (edited(options={"part_s": [0, 1e308]}), "option 'part_s'"),
        (edited(duration_s=1e308), "'duration_s' is 1e"),
        (edited(rate_hz=1e308), "'rate_hz' is 1e"),
        (edited(options={"part_s": "01"}), "option 'part_s'"),
        (edited(rate_hz=float("nan")), "line 2: holds NaN"),
        (edited(options={"part_s": [0, float("inf")]}), "line 2: holds Infinity"),
        (lambda row: json.dumps(row)[:-1] + ', "split": "test"}', "line 2: the key 'split' stands twice"),
        (lambda row: json.dumps(row).replace("200.0", "1e999"), "line 2: holds a number beyond"),
        (lambda row: "[" * 200_000, "line 2: nests more than"),
        (lambda row: json.dumps(row)[:-1] + ', "options": ' + "[" * 200_000 + "}", "line 2: nests more than"),
        (lambda row: '{"emgasr_manifest": 1}', "line 2: is a header, which stands in the first line alone"),
        (lambda row: "{" + " " * 2**24 + "}", "line 2: is larger than"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, change: Callable[[dict[str, object]], str], told: str) -> None:
    write_manifest(three_people(tmp_path), tmp_path / "m.jsonl")
    lines = (tmp_path / "m.jsonl").read_text().splitlines()
    lines[1] = change(json.loads(lines[1]))
    (tmp_path / "m.jsonl").write_text("\n".join(lines))
    with pytest.raises(ManifestError, match=told):
        read_manifest(tmp_path / "m.jsonl")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "names no recording"),
        (b"\xff\xfe\x00", "is UTF-16 text"),
        (b"\n\xff", "line 2 is not UTF-8"),
        (b'{"emgasr_manifest": 7}', "has version 7"),
        (b'{"emgasr_manifest": 1, "module": "os"}', "unknown field 'module'"),
        (b'{"emgasr_manifest": 1, "disjoint": "subject"}', "not a list"),
        (b'{"emgasr_manifest": 1, "disjoint": ["shoe:test"]}', "unknown claim 'shoe:test'"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "m.jsonl").write_bytes(content)
    with pytest.raises(ManifestError, match=told):
        read_manifest(tmp_path / "m.jsonl")
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(tmp_path / "none.jsonl")


def test_a_full_disk_leaves_the_old_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = three_people(tmp_path / "data")
    write_manifest(made, tmp_path / "m.jsonl")
    before = (tmp_path / "m.jsonl").read_bytes()

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="No space left"):
        write_manifest(replace(made, claims=()), tmp_path / "m.jsonl")
    assert (tmp_path / "m.jsonl").read_bytes() == before


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(subject=TEXTS, session=TEXTS, take=TEXTS, text=TEXTS, note=TEXTS, name=st.text(st.characters(codec="ascii")))
def test_whatever_a_name_or_a_text_holds_what_is_written_can_be_read(
    tmp_path: Path, subject: str, session: str, take: str, text: str, note: str, name: str
) -> None:
    names = {"subject": subject, "session": session, "take": take, "text": text}
    one = Entry("one.npy", "takes", split="train", duration_s=1, rate_hz=2, channels=3, sha256="0" * 64, **names)
    other = replace(one, path=f"a{name}.npy".replace("\0", "").replace("/", "\u2028"), options={name or "unit": [note]})
    made = Manifest((one, other), tmp_path, ("take",), (note,), (subject,))
    if "\0" in name + note:
        with pytest.raises(ManifestError, match="no file can have"):
            write_manifest(made, tmp_path / "m.jsonl")
    else:
        written = write_manifest(made, tmp_path / "m.jsonl")
        assert read_manifest(tmp_path / "m.jsonl") == written
        assert written.entries[0].subject == subject
        assert written.entries[1].text == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"path": os.fsdecode(b"caf\xe9.hdf5")}, "is not UTF-8 and cannot be written; rename"),
        ({"rate_hz": float("nan")}, "'rate_hz' is None"),
        ({"options": {"part_s": (0.0, float("inf"))}}, "option 'part_s'"),
        ({"options": {"made": Path}}, "cannot be written down"),
        ({"channels": 0}, "'channels' is 0"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    made = three_people(tmp_path)
    write_manifest(made, tmp_path / "m.jsonl")
    before = (tmp_path / "m.jsonl").read_bytes()
    with pytest.raises(EmgasrError, match=told):
        write_manifest(changed(made, 1, **changes), tmp_path / "m.jsonl")
    assert (tmp_path / "m.jsonl").read_bytes() == before


def test_a_header_keeps_the_first_thousand_findings_and_counts_the_rest(tmp_path: Path) -> None:
    made = replace(three_people(tmp_path), left_over=tuple(f"row {i}" for i in range(2500)))
    written = write_manifest(made, tmp_path / "m.jsonl")
    assert written.left_over[999:] == ("row 999", "and 1500 more")
    assert read_manifest(tmp_path / "m.jsonl") == written


def test_a_manifest_that_is_no_file_or_too_large_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    for path in (tmp_path, tmp_path / "pipe.jsonl", Path("/dev/zero")):
        with pytest.raises(ManifestError, match=r"is a folder|is no regular file"):
            read_manifest(path)
    with open(tmp_path / "large.jsonl", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(ManifestError, match="is larger than"):
        read_manifest(tmp_path / "large.jsonl")


def changed(manifest: Manifest, index: int, **changes: object) -> Manifest:
    entries = list(manifest.entries)
    entries[index] = replace(entries[index], **changes)  # type: ignore[arg-type]
    return replace(manifest, entries=tuple(entries))


@pytest.mark.parametrize(
    "sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e", "\r", "\n", "\0", "␣", "\ufeff"]
)
def test_whatever_a_text_holds_what_is_written_can_be_read(tmp_path: Path, sign: str) -> None:
    made = three_people(tmp_path / "data")
    entries = tuple(replace(entry, text=f"a{sign}cafe\u0301{sign}") for entry in made.entries)
    written = write_manifest(replace(made, entries=entries), tmp_path / "m.jsonl")
    assert read_manifest(tmp_path / "m.jsonl") == written
    assert {entry.text for entry in written.entries} == {f"a{sign}café{sign}"}


def test_a_manifest_is_read_whatever_system_ended_its_lines(tmp_path: Path) -> None:
    written = write_manifest(three_people(tmp_path / "data"), tmp_path / "m.jsonl")
    content = (tmp_path / "m.jsonl").read_bytes()
    for changed in (content.replace(b"\n", b"\r"), content.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + content):
        (tmp_path / "m.jsonl").write_bytes(changed)
        assert read_manifest(tmp_path / "m.jsonl") == written


def test_a_montage_is_written_where_it_is_told_and_changes_no_checksum_where_it_is_not(tmp_path: Path) -> None:
    told = (Band.numbered("left", 4, montage="average"), Band.numbered("right", 4, montage="average"))
    paths = [write_native(tmp_path, "told.hdf5", bands=told), write_native(tmp_path, "untold.hdf5")]
    entries = tuple(Entry.of(open_entry(native_entry(path), tmp_path), path, "native") for path in paths)
    write_manifest(Manifest(entries, tmp_path), tmp_path / "m.jsonl")
    assert [entry.montage for entry in read_manifest(tmp_path / "m.jsonl").entries] == ["average", ""]
    rows = (tmp_path / "m.jsonl").read_text().splitlines()[1:]
    assert ["montage" in row for row in rows] == [True, False]
