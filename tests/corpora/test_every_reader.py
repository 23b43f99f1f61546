"""What every reader of a layout owes: the same names, entries that open as they were scanned, one-line errors.

A new row of CORPORA is tested here as soon as tests/helpers/corpora.py writes its miniature.
"""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from emgasr.config.typed_data import fits
from emgasr.corpora import CORPORA, open_entry, reader, scan
from emgasr.errors import EmgasrError, ManifestError, RecordingError
from emgasr.manifests.manifest import TRAIN, Entry, Findings, Manifest, checksum_file, read_manifest, write_manifest
from emgasr.recording import Recording
from tests.helpers.corpora import LACKING, MINIATURES, write_corpus

OF_THE_ENTRY = ("rate_hz", "subject", "session", "text")  # what `open_entry` tells a reader of bare samples
HOSTILE = "ü\u202e \x1b[31m$(x)\t'%s"


def scanned(folder: Path, corpus: str) -> tuple[list[Entry], Findings]:
    findings = Findings()
    return scan(folder, corpus, findings, **LACKING.get(corpus, {})), findings


def same(first: Recording, second: Recording) -> bool:
    assert first.events.keys == second.events.keys
    assert (first.spans.kinds, first.spans.texts) == (second.spans.kinds, second.spans.texts)
    for name in ("rate_hz", "unit", "bands", "subject", "session", "start_unix_s", "notes"):
        assert getattr(first, name) == getattr(second, name), name
    for labels, names in (("events", ("time_s", "release_s")), ("spans", ("start_s", "end_s"))):
        for name in names:
            np.testing.assert_array_equal(*(getattr(getattr(each, labels), name) for each in (first, second)))
    np.testing.assert_array_equal(first.read(), second.read())
    return True


def test_every_layout_has_a_miniature() -> None:
    assert MINIATURES.keys() == CORPORA.keys()


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_reader_opens_a_path_and_scans_a_folder_with_options_of_plain_data(corpus: str) -> None:
    module = reader(corpus)
    for function, positional in ((module.open_recording, ["path"]), (module.scan, ["folder", "findings"])):
        parameters = inspect.signature(function).parameters.values()
        assert [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD] == positional
        options = [each for each in parameters if each.name not in positional]
        assert all(each.kind is each.KEYWORD_ONLY and each.default is not each.empty for each in options)
        hints = get_type_hints(function)
        for each in options:
            assert fits(hints[each.name], None if each.default is None else each.default), each


@pytest.mark.parametrize("corpus", CORPORA)
def test_entries_say_what_opening_them_gives(tmp_path: Path, corpus: str) -> None:
    folder = write_corpus(tmp_path / "c", corpus)
    entries, _ = scanned(folder, corpus)
    assert entries == scanned(folder, corpus)[0]
    known = inspect.signature(reader(corpus).open_recording).parameters.keys() - {"path", *OF_THE_ENTRY}
    for entry in entries:
        assert Path(entry.path).is_absolute()
        assert (entry.corpus, entry.split, entry.sha256) == (corpus, TRAIN, checksum_file(entry.path))
        assert entry.options.keys() <= known
        recording = open_entry(entry, folder)
        found = (recording.subject, recording.session, recording.rate_hz, recording.n_channels, recording.duration_s)
        assert found == (entry.subject, entry.session, entry.rate_hz, entry.channels, entry.duration_s)
        assert entry.subject.strip()
        assert len(recording.events) or len(recording.spans)


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_manifests_entries_open_as_the_scanned_ones_do(tmp_path: Path, corpus: str) -> None:
    folder = write_corpus(tmp_path / "c", corpus)
    entries, _ = scanned(folder, corpus)
    write_manifest(Manifest(tuple(entries), folder), tmp_path / "m.jsonl")
    manifest = read_manifest(tmp_path / "m.jsonl")
    for entry, listed in zip(entries, manifest.entries, strict=True):
        assert same(open_entry(entry, folder), open_entry(listed, manifest.root))


@pytest.mark.parametrize("corpus", CORPORA)
def test_samples_are_the_same_whole_in_slices_and_after_they_were_sent_elsewhere(tmp_path: Path, corpus: str) -> None:
    folder = write_corpus(tmp_path / "c", corpus)
    recording = open_entry(scanned(folder, corpus)[0][0], folder)
    whole, middle = recording.read(), recording.n_samples // 2
    assert (whole.dtype, whole.shape) == (np.float32, (recording.n_samples, recording.n_channels))
    np.testing.assert_array_equal(recording.samples[middle - 3 : middle + 5], whole[middle - 3 : middle + 5])
    np.testing.assert_array_equal(recording.samples[recording.n_samples - 1 :], whole[-1:])
    assert recording.samples[middle:middle].shape == (0, recording.n_channels)
    with pytest.raises(ValueError, match="in steps of one"):
        recording.samples[::2]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(recording)).read(), whole)


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_file_that_was_cut_is_never_read_as_the_one_that_was_opened(tmp_path: Path, corpus: str) -> None:
    folder = write_corpus(tmp_path / "c", corpus)
    entry = scanned(folder, corpus)[0][0]
    recording = open_entry(entry, folder)
    content = Path(entry.path).read_bytes()
    Path(entry.path).write_bytes(content[: len(content) // 3])
    with pytest.raises(EmgasrError) as caught:
        recording.read()
    assert "\n" not in str(caught.value)
    if corpus == "uci_gestures":  # a text has no header that promises more
        assert open_entry(entry, folder).n_samples < recording.n_samples
    else:
        with pytest.raises(EmgasrError) as caught:
            open_entry(entry, folder).read()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_folder_without_a_recording_of_the_layout_is_one_line_that_names_it(tmp_path: Path, corpus: str) -> None:
    (tmp_path / "README.md").write_text("nothing here")
    with pytest.raises(RecordingError) as caught:
        scanned(tmp_path, corpus)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("corpus", CORPORA)
def test_an_option_that_the_reader_does_not_have_or_of_another_kind_is_refused(tmp_path: Path, corpus: str) -> None:
    folder = write_corpus(tmp_path / "c", corpus)
    entry = scanned(folder, corpus)[0][0]
    options = dict(entry.options)
    wrong = [options | {"no_such_option": 1}, options | {"path": "/etc/passwd"}]
    names = inspect.signature(reader(corpus).open_recording).parameters.keys() - {"path", *OF_THE_ENTRY}
    wrong += [options | {name: {"a": 1}} for name in names]
    for each in wrong:
        with pytest.raises(ManifestError, match="option"):
            open_entry(Entry(**{**vars(entry), "options": each}), folder)


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_folder_of_any_name_is_scanned_and_what_is_told_of_it_is_plain(tmp_path: Path, corpus: str) -> None:
    plain = write_corpus(tmp_path / "plain", corpus)
    folder = write_corpus(tmp_path / HOSTILE, corpus)
    (folder / f"{HOSTILE}.txt").write_text("1 2\n")
    entries, findings = scanned(folder, corpus)
    assert [entry.sha256 for entry in entries] == [entry.sha256 for entry in scanned(plain, corpus)[0]]
    write_manifest(Manifest(tuple(entries), folder, notes=tuple(findings.notes)), tmp_path / "m.jsonl")
    manifest = read_manifest(tmp_path / "m.jsonl")
    assert not any(sign in line for line in manifest.notes for sign in "\x1b\u202e\n")
    assert open_entry(manifest.entries[0], manifest.root).n_samples
