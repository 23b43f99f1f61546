"""Published split files, and the rule that stands in for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from emgasr.corpora.emg2qwerty.splits import (
    compare_with_metadata,
    held_out_users,
    read_metadata,
    read_split_file,
    session_number,
    split_as_published,
    split_by_rule,
)
from emgasr.errors import ConfigError, ManifestError, RecordingError
from emgasr.manifests.leaks import leaks
from emgasr.manifests.manifest import Entry, Manifest
from tests.helpers.layouts import NUMBER, USER, session_name, write_split_file


def entries(users: int = 10, sessions: int = 6) -> list[Entry]:
    shape = ("train", 1080.0, 2000.0, 32)
    return [
        Entry(f"u{user}s{i}", "emg2qwerty", f"u{user}", f"{1600000000 + i}", *shape, f"{user}-{i}")
        for user in range(users)
        for i in range(sessions)
    ]


def test_a_sessions_number_is_in_the_names_of_both_editions() -> None:
    assert session_number(session_name(NUMBER)) == session_number(f"ses-{NUMBER}") == str(NUMBER)
    assert session_number("monday") == "monday"


def test_users_in_a_split_file_are_names_not_numbers(tmp_path: Path) -> None:
    path = write_split_file(tmp_path / "generic.yaml", train=[(USER, NUMBER)], val=[("12", NUMBER + 1)], test=[])
    assert read_split_file(path) == {(USER, str(NUMBER)): "train", ("12", str(NUMBER + 1)): "validation"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dataset: [1, 2]", "is not a split file"),
        ("dataset: {train: [{user: a}]}", "is not a split file"),
        ("{", "is not YAML"),
        ("dataset: &a {train: []}", "has an anchor or alias"),
        ("dataset: {train: [{user: [a], session: b}]}", "is not a split file"),
        ("dataset: {train: []}", "names no session"),
        ("dataset: {train: [{user: a, session: s}], test: [{user: a, session: s}]}", "is in train and test"),
    ],
)
def test_what_is_no_split_file_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "generic.yaml").write_text(text)
    with pytest.raises(ManifestError, match=told):
        read_split_file(tmp_path / "generic.yaml")


def test_published_splits_take_what_they_name_and_tell_what_is_missing() -> None:
    table = {("u0", "1600000000"): "train", ("u1", "1600000001"): "test", ("u1", "7"): "test"}
    chosen, missing = split_as_published(entries(), table, Path("generic.yaml"))
    assert [(entry.path, entry.split) for entry in chosen] == [("u0s0", "train"), ("u1s1", "test")]
    assert missing == ["generic.yaml: session 7 of u1 has no file"]


def test_the_rule_splits_as_the_published_files_do() -> None:
    everyone = entries()
    users = held_out_users(everyone, 3, seed=1)
    generic = split_by_rule(everyone, "generic", users)
    counts = Counter(entry.split for entry in generic)
    assert counts == {"train": 7 * 4, "validation": 7 * 2, "test": 3 * 2}
    assert {entry.subject for entry in generic if entry.split == "test"} == set(users)
    assert leaks(Manifest(tuple(generic), Path(), ("subject:test", "session"))) == []
    personal = split_by_rule(everyone, users[0], users)
    assert Counter(entry.split for entry in personal) == {"train": 2, "validation": 2, "test": 2}
    tested = {entry.path for entry in generic if entry.split == "test" and entry.subject == users[0]}
    assert {entry.path for entry in personal if entry.split == "test"} == tested  # before and after: one table


@pytest.mark.parametrize(("count", "made"), [(0, entries()), (10, entries()), (2, entries(3, 1))])
def test_more_test_users_than_there_are_is_refused(count: int, made: Sequence[Entry]) -> None:
    with pytest.raises(ConfigError, match="test users of"):
        held_out_users(made, count)


def test_metadata_and_files_are_compared_both_ways(tmp_path: Path) -> None:
    table = tmp_path / "metadata.csv"
    rows = [("u0", NUMBER, 18.0), ("u0", NUMBER + 1, 12.0), ("u9", NUMBER + 2, 18.0), ("u0", NUMBER + 8, 18.0)]
    lines = [f"{user},{session_name(number)},{minutes}" for user, number, minutes in rows]
    table.write_text("user,session,duration_mins\n" + "\n".join(lines) + "\n")
    assert compare_with_metadata(entries(1, 4), read_metadata(table), table) == [
        "u0s1: lasts 18.0 minutes, metadata.csv says 12.0",
        "u0s2: session 1600000002 is not in metadata.csv for u0, but for u9",
        "u0s3: session 1600000003 is not in metadata.csv",
        f"{table}: session 1600000002 of u9 has no file",
        f"{table}: session 1600000008 of u0 has no file",
    ]
    table.write_text(table.read_text() + lines[0] + "\n")
    with pytest.raises(RecordingError, match=r"line 6: session .* stands there twice"):
        read_metadata(table)
