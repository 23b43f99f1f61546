"""What a reader accepted in; what a user does with it: recordings read, saved, opened, models and n-grams scored."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emgasr.corpora import open_entry
from emgasr.errors import EmgasrError
from emgasr.manifests.manifest import Findings, Manifest, read_manifest, write_manifest
from emgasr.recording import Recording
from emgasr.sessions.native import open_session, save_session

from .formats import Place, Seen, Unusable, digest_of, expect

if TYPE_CHECKING:
    from emgasr.lm import NGramModel
    from emgasr.models.recognizer import Recognizer

BLOCK_VALUES = 1 << 20
MOST_VALUES = 1 << 27  # more than any seed holds by far: a file of 1 MB cannot tell so many
SAVED_VALUES = 1 << 21


@contextlib.contextmanager
def reading_again(what: str) -> Iterator[None]:
    """What the package itself wrote must be read without complaint."""
    try:
        yield
    except EmgasrError as error:
        raise Unusable(f"{what} was written and cannot be read: {error}") from error


def use_recording(recording: Recording, place: Place) -> Seen:
    """Read all samples in blocks, check labels against what a recording promises, save it and open it again."""
    from emgasr.data.validate import check_recording

    total, channels = recording.samples.shape
    expect(total * channels <= MOST_VALUES, f"tells {total} samples of {channels} channels")
    expect(0 < recording.rate_hz < np.inf, f"has the rate {recording.rate_hz}")
    rows = max(1, BLOCK_VALUES // max(1, channels))
    blocks = []
    for start in range(0, total, rows):
        block = recording.samples[start : start + rows]
        expect(block.shape == (min(rows, total - start), channels), f"reads {block.shape}, not what it tells")
        expect(block.dtype == np.float32, f"reads {block.dtype}")
        blocks.append(np.array(block))
    samples = np.concatenate(blocks) if blocks else np.zeros((0, channels), np.float32)
    events, spans = recording.events, recording.spans
    for name, times in (("events", events.time_s), ("spans", spans.start_s), ("span ends", spans.end_s)):
        expect(np.isfinite(times).all(), f"times of {name} are not finite")
    for name, times in (("events", events.time_s), ("spans", spans.start_s)):
        expect((np.diff(times) >= 0).all(), f"{name} are not in order")
    expect((spans.end_s >= spans.start_s).all(), "a span ends before it starts")
    check_recording(recording)[0]
    if samples.size <= SAVED_VALUES:
        save_session(recording, place.out / "again.hdf5")
        with reading_again("the session"):
            again = open_session(place.out / "again.hdf5")
        expect(np.array_equal(again.read(), samples, equal_nan=True), "saved and opened, it has other samples")
        expect(again.events.keys == events.keys, "saved and opened, it has other keys")
        expect(again.spans.texts == spans.texts, "saved and opened, it has other texts")
    return Seen(digest_of(samples, recording.rate_hz), recording.notes)


def use_corpus(layout: str, place: Place, **options: Any) -> Seen:
    """Scan a folder, write its manifest, read it, and use every recording that it lists."""
    from emgasr.corpora import scan

    findings = Findings()
    entries = scan(place.folder, layout, findings, **options)
    made = Manifest(tuple(entries), place.folder, (), tuple(findings.notes), tuple(findings.left_over))
    written = write_manifest(made, place.out / "manifest.jsonl")
    with reading_again("the manifest"):
        read = read_manifest(place.out / "manifest.jsonl")
    expect(read.entries == written.entries, "the manifest that it was listed in says something else when read")
    return _use_entries(read, place)


def use_manifest(path: Path, place: Place) -> Seen:
    """Read a manifest and use every recording of it; validate it, write it and read it again."""
    from emgasr.data.validate import validate

    manifest = read_manifest(path)
    validate(manifest)
    write_manifest(manifest, place.out / "again.jsonl")
    with reading_again("the manifest"):
        again = read_manifest(place.out / "again.jsonl")
    expect(again.checksum() == manifest.checksum(), "written and read, it is another manifest")
    return _use_entries(manifest, place)


def _use_entries(manifest: Manifest, place: Place) -> Seen:
    seen = [use_recording(open_entry(entry, manifest.root), place) for entry in manifest.entries]
    told = (*manifest.notes, *manifest.left_over, *(line for one in seen for line in one.told))
    return Seen(digest_of(*(one.digest for one in seen)), told)


class ToldInOneLine(EmgasrError):
    """What a verb told on standard error as it ended with code 2."""

    def __init__(self, line: str) -> None:
        Exception.__init__(self, line)


def use_verb(*arguments: str) -> str:
    """What a verb prints; its exit code must be 0, or 2 with one line."""
    import importlib

    from emgasr.cli import VERBS, exit_code

    module = importlib.import_module(VERBS[arguments[0]][0])
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        code = exit_code(lambda rest: int(module.run(rest) or 0), list(arguments[1:]))
    expect(code in (0, 2), f"`emgasr {arguments[0]}` ends with {code}")
    if code:
        raise ToldInOneLine(error.getvalue().removeprefix("emgasr: ").rstrip("\n"))
    signs = {sign for sign in out.getvalue() if ord(sign) < 32 or 127 <= ord(sign) < 160} - {"\n", "\t"}
    expect(not signs, f"`emgasr {arguments[0]}` prints {sorted(signs)!r}")
    return out.getvalue()


def use_model(folder: Path, place: Place) -> Seen:
    """Load a model as the verbs do, and read a second of noise with it."""
    from emgasr.models.folder import SEARCH_NAME, load_recognizer
    from emgasr.streaming.rules import rules_of

    recognizer = load_recognizer(folder)
    rules_of(folder)
    emissions = recognizer.emissions(noise_for(recognizer))
    expect(emissions.shape[1] == len(recognizer.tokens), f"emits {emissions.shape}")
    expect((emissions < 1e-3).all(), "emits what is no logarithm of a probability")  # NaN; minus infinity is one
    expect(len(emissions) == 0 or abs(np.exp(emissions[0]).sum() - 1) < 1e-3, "emits no probabilities")
    if (folder / SEARCH_NAME).is_file():
        from emgasr.decoding.search_file import read_search_config

        use_search(read_search_config(folder / SEARCH_NAME))
    weights = [value.numpy() for value in recognizer.state_dict().values()]
    return Seen(digest_of(*weights, recognizer.tokens.symbols))


def noise_for(recognizer: Recognizer) -> Recording:
    """A second that the model listens to, or as much of it as is bounded."""
    signal = recognizer.signal
    channels = sum(len(band.electrodes) for band in signal.bands)
    rows = min(int(signal.rate_hz) + 1, (1 << 20) // max(1, channels))
    samples = np.random.default_rng(0).normal(0, 30, (rows, channels)).astype(np.float32)
    return Recording(samples, signal.rate_hz, signal.unit, signal.bands, "noise", "one")


def use_search(config: Any, lm: Any = None, tokens: Any = None, hotwords: Any = None) -> Seen:
    """Read forty frames with a search; answers and scores must be finite."""
    from emgasr.decoding import BeamSearch
    from emgasr.tokens import Tokens

    tokens = tokens or Tokens.characters("ab c")
    logits = np.random.default_rng(1).normal(0, 3, (40, len(tokens)))
    emissions = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    found = BeamSearch(tokens, lm, config, hotwords).whole(emissions)
    expect(found, "answers nothing")
    for hypothesis in found:
        expect(np.isfinite([hypothesis.score, hypothesis.acoustic]).all(), f"scores {hypothesis.score}")
    return Seen(digest_of(asdict(config) if config else None, found[0].ids))


def use_ngrams(model: NGramModel) -> Seen:
    """Score a few words in a few contexts; every listed probability is one, and no score is NaN or infinite above."""
    listed = [ngram for order in range(1, model.order + 1) for ngram in model.ngrams(order)]
    for ngram, ln_p, backoff in listed:
        if ngram != ("<s>",):
            expect(ln_p <= 1e-6, f"ln p of {ngram!r} is {ln_p}")
        expect(not np.isnan(backoff) and backoff < np.inf, f"back-off of {ngram!r} is {backoff}")
    words = [*sorted(model.symbols)[:20], "nothing like it", *sorted(model.symbols)[-3:]]
    state, scores = model.start(), []
    for word in words:
        ln_p, state = model.score(state, word)
        scores.append(ln_p)
    for score in (*scores, model.end(state), model.sentence(words[:5]).ln_p):
        expect(not np.isnan(score) and score < np.inf, f"scores {score}")
    return Seen(digest_of(model.vocabulary, listed))
