"""Compact files: what is mapped is what was written, and no damage passes; which kind a file is, its content tells."""

from __future__ import annotations

import gzip
import json
import math
import struct
import tempfile
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.errors import LanguageModelError
from emgasr.lm import NGramModel, estimate, open_compact, read_model, write_compact, write_model

ARRAYS = ("first", "fail", "log10_backoff", "symbol", "log10_p", "next")
MODEL = estimate(["abab", "abc", "cab", "", "ccb␤ é"], order=4)
PAIR = next(begin for begin, end in pairwise(MODEL.first[1:].tolist()) if end - begin > 1)  # of a context's children
WORDS = estimate([[f"word{number}" for number in range(300)]], order=2)


@pytest.mark.parametrize("model", [MODEL, WORDS], ids=["characters", "words"])
def test_a_mapped_model_is_the_one_that_was_written(model: NGramModel, tmp_path: Path) -> None:
    write_compact(model, tmp_path / "model.lm")
    again = open_compact(tmp_path / "model.lm")
    assert (again.vocabulary, again.counts) == (model.vocabulary, model.counts)
    for name in ARRAYS:
        written, mapped = getattr(model, name), getattr(again, name)
        assert mapped.dtype == written.dtype
        assert mapped.flags.aligned
        assert not mapped.flags.writeable
        assert (mapped == written).all()
    text = sorted(model.symbols)[::-1]
    assert again.sentence(text) == model.sentence(text)


def test_a_mapped_model_can_be_written_over_its_own_file(tmp_path: Path) -> None:
    write_compact(MODEL, tmp_path / "model.lm")
    mapped = open_compact(tmp_path / "model.lm")
    write_compact(mapped, tmp_path / "model.lm")
    assert open_compact(tmp_path / "model.lm").sentence("abc") == mapped.sentence("abc") == MODEL.sentence("abc")


def test_the_checksum_is_that_of_the_model_not_of_its_file(tmp_path: Path) -> None:
    for name in ("model.lm", "model.arpa", "model.arpa.gz"):
        write_model(MODEL, tmp_path / name)
        assert read_model(tmp_path / name).checksum() == MODEL.checksum()
    others = [estimate(["abab", "abc", "cab", "", "ccb␤ e"], order=4), estimate(["abab"], order=4), WORDS]
    assert len({model.checksum() for model in (MODEL, *others)}) == 4


def test_the_content_tells_how_a_model_is_read_and_the_name_how_it_is_written(tmp_path: Path) -> None:
    for name, begin in (
        ("a.lm", b"\x89EMGLM"),
        ("a.arpa", b"\\data\\"),
        ("a.arpa.gz", b"\x1f\x8b"),
        ("a", b"\\data\\"),
    ):
        write_model(MODEL, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begin)
        renamed = (tmp_path / name).rename(tmp_path / "model")
        assert read_model(renamed).sentence("abcé") == MODEL.sentence("abcé")
    with pytest.raises(LanguageModelError, match="cannot be read"):
        read_model(tmp_path / "absent")
    with pytest.raises(LanguageModelError, match="cannot be read"):
        read_model(tmp_path)


def test_a_file_that_is_no_compact_model_is_refused(tmp_path: Path) -> None:
    for name, content in (("empty", b""), ("text", b"some text"), ("gz", gzip.compress(b"a" * 200))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LanguageModelError, match="is no compact language model"):
            open_compact(tmp_path / name)
    with pytest.raises(LanguageModelError, match="cannot be read"):
        open_compact(tmp_path / "absent")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("lm") / "model.lm"
    write_compact(MODEL, path)
    return path.read_bytes()


def opened(content: bytes) -> NGramModel:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.lm"
        path.write_bytes(content)
        return open_compact(path)


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_is_refused_wherever_it_ends(content: bytes, share: float) -> None:
    cut = 8 + int(share * (len(content) - 8))
    with pytest.raises(LanguageModelError, match=r"is cut short(:| at) \d+ bytes"):
        opened(content[:cut])


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_bit_that_differs_is_found(content: bytes, share: float, bit: int) -> None:
    damaged = bytearray(content)
    damaged[int(share * len(content))] ^= 1 << bit
    with pytest.raises(LanguageModelError):
        opened(bytes(damaged))


def test_a_longer_file_and_a_later_version_are_refused(content: bytes) -> None:
    with pytest.raises(LanguageModelError, match="holds more than was written"):
        opened(content + b"\0")
    with pytest.raises(LanguageModelError, match="is of version 3, this emgasr reads 2"):
        opened(content[:8] + struct.pack("<I", 3) + content[12:])


def forged(content: bytes, **changes: object) -> bytes:
    """The file with other numbers in its description or arrays, and a checksum that fits."""
    head = struct.Struct("<8sIIQI")
    magic, version, length, _, _ = head.unpack_from(content)
    described = json.loads(content[head.size : head.size + length])
    arrays = {name: np.array(getattr(MODEL, name)) for name in ARRAYS}
    for name, change in changes.items():
        if name in described:
            described[name] = change
        else:
            index, value = change  # type: ignore[misc]
            arrays[name][index] = value
    body = json.dumps(described, ensure_ascii=False).encode()
    length = len(body)
    for array in arrays.values():
        body += bytes(-(head.size + len(body)) % 64) + array.tobytes()
    return head.pack(magic, version, length, head.size + len(body), zlib.crc32(body)) + body


def test_a_forgery_that_changes_nothing_is_the_file(content: bytes) -> None:
    assert forged(content) == content


@pytest.mark.parametrize(
    "changes",
    [
        {"vocabulary": ["<s>", "</s>"]},
        {"vocabulary": [*MODEL.vocabulary[:-1], "a"]},
        {"vocabulary": [*MODEL.vocabulary, "x"]},
        {"vocabulary": [*MODEL.vocabulary[:-1], 3]},
        {"vocabulary": 3},
        {"counts": []},
        {"counts": [*MODEL.counts, -1]},
        {"counts": [MODEL.counts[0] - 2, MODEL.counts[1] + 2, *MODEL.counts[2:]]},
        {"counts": [*MODEL.counts[:2], MODEL.counts[2] + 1, MODEL.counts[3] - 1]},
        {"counts": [1.5]},
        {"counts": [2**70]},
        {"contexts": 10**9},
        {"contexts": 0},
        {"contexts": "many"},
        {"first": (3, 10**6)},
        {"first": (-1, 10**6)},
        {"first": (0, -1)},
        {"fail": (2, 2)},
        {"fail": (0, 1)},
        {"fail": (5, -1)},
        {"next": (7, 10**6)},
        {"next": (7, -1)},
        {"symbol": (0, 1)},
        {"symbol": (slice(PAIR, PAIR + 2), MODEL.symbol[[PAIR + 1, PAIR]])},
        {"vocabulary": [*MODEL.vocabulary[:-1], ""]},
        {"counts": [True, *MODEL.counts[1:]]},
        {"counts": [*MODEL.counts, *[0] * 100]},
        {"log10_p": (5, np.nan)},
        {"log10_p": (5, np.inf)},
        {"log10_p": (5, 0.5)},
        {"log10_p": (-1, -np.inf)},
        {"log10_p": (-1, -3e38)},
        {"log10_backoff": (1, -3e38)},
        {"log10_backoff": (1, np.nan)},
        {"log10_backoff": (1, -np.inf)},
        {"log10_backoff": (slice(1, None), 30.0)},
        {"symbol": (-1, 200)},
    ],
    ids=str,
)
def test_arrays_that_would_lead_astray_are_refused(content: bytes, changes: dict[str, object]) -> None:
    with pytest.raises(LanguageModelError, match=r"is damaged|holds an integer of 22 digits"):
        opened(forged(content, **changes))


def test_a_file_of_the_first_version_is_read(content: bytes) -> None:
    """It held natural logarithms, from which those to base ten come back to the last digit or two."""
    arrays = {name: np.array(getattr(MODEL, name)) for name in ARRAYS}
    natural = {name: (slice(None), arrays[name] * math.log(10)) for name in ("log10_p", "log10_backoff")}
    first = bytearray(forged(content, **natural))
    first[8:12] = struct.pack("<I", 1)
    again = opened(bytes(first))
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(again, name), arrays[name], rtol=3e-7)
    assert again.sentence("abcé").ln_p == pytest.approx(MODEL.sentence("abcé").ln_p, rel=1e-6)
