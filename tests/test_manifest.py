"""Manifests: read, written, split, and checked for leaks."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from miniatures import native_entry, write_native

from emgasr.errors import ManifestError, OutputError, RecordingError
from emgasr.leaks import check_apart, check_disjoint, leaks, part_name
from emgasr.manifest import Manifest, checksum_file, read_manifest, write_manifest


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
    assert read.open(read.entries[2]).subject == "bob"


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
    with pytest.raises(RecordingError, match=r"bob2\.hdf5: cannot be opened \(No such file"):
        made.open(made.entries[2])


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
        (edited(corpus="tarot"), "line 2: unknown corpus 'tarot'"),
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


# --- leaks


def changed(manifest: Manifest, index: int, **changes: object) -> Manifest:
    entries = list(manifest.entries)
    entries[index] = replace(entries[index], **changes)  # type: ignore[arg-type]
    return replace(manifest, entries=tuple(entries))


def test_clean_splits_pass(tmp_path: Path) -> None:
    check_disjoint(three_people(tmp_path))


def test_a_subject_on_both_sides_is_a_leak_only_where_it_is_claimed_not_to_be(tmp_path: Path) -> None:
    made = changed(three_people(tmp_path), 2, subject="ann")
    with pytest.raises(ManifestError, match="the same subject is in train and test: ann"):
        check_disjoint(made)
    check_disjoint(replace(made, claims=("session", "take")))
    validation = changed(three_people(tmp_path), 1, split="validation")  # ann trains and validates; test is bob
    check_disjoint(validation)
    assert leaks(replace(validation, claims=("subject",))) == ["the same subject is in train and validation: ann"]


def test_a_session_on_both_sides_is_a_leak(tmp_path: Path) -> None:
    made = changed(replace(three_people(tmp_path), claims=("session:test",)), 2, subject="ann", session="day1")
    with pytest.raises(ManifestError, match="the same session is in train and test: ann/day1"):
        check_disjoint(made)
    check_disjoint(changed(made, 2, subject="bob"))  # the same name of another person is another session


def test_a_take_on_both_sides_is_a_leak(tmp_path: Path) -> None:
    made = replace(three_people(tmp_path), claims=("take",))
    for index in (0, 2):
        made = changed(made, index, subject="ann", session="day0", take="a_00")
    with pytest.raises(ManifestError, match="the same take is in train and test: ann/day0/a_00"):
        check_disjoint(made)


def test_the_same_recording_under_two_names_is_a_leak_whatever_is_claimed(tmp_path: Path) -> None:
    made = replace(three_people(tmp_path), claims=())
    made = changed(made, 2, sha256=made.entries[0].sha256)
    with pytest.raises(ManifestError, match="the same recording"):
        check_disjoint(made)


def test_a_claim_about_a_split_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert leaks(replace(three_people(tmp_path), claims=("subject:final",))) == [
        "claims 'subject:final', but there is no split 'final'"
    ]


def test_what_is_trained_on_is_not_held_out_whatever_the_manifest(tmp_path: Path) -> None:
    ann, again, bob = three_people(tmp_path).entries
    check_apart([ann, again], [bob])
    check_apart([ann], [replace(bob, take=f"{part_name(again)}@1.000 {part_name(bob)}")])
    elsewhere = replace(ann, path="/elsewhere/copy.hdf5", subject="eve", split="validation")
    composed = replace(bob, take=f"{part_name(bob)} {part_name(ann)}@12.500")
    for held_out in (elsewhere, composed):
        with pytest.raises(ManifestError, match=r"is, or is composed of, .*ann0\.hdf5, which is trained on"):
            check_apart([again, ann], [bob, held_out])
    with pytest.raises(ManifestError, match="trained on"):  # both are composed, of a take in common
        check_apart([composed], [replace(again, take=f"{part_name(ann)}@12.500")])
