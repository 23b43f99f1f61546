"""ARPA files: round trips, forgiving where it is safe, and a line number for every kind of damage."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.errors import LanguageModelError
from emgasr.lm import NGramModel, estimate, read_arpa, write_arpa

GOOD = """a comment
\\data\\
ngram 1=5
ngram 2=2

\\1-grams:
-1.5\t<unk>
0\t<s>\t-0.3
-0.9\t</s>
-0.5\ta\t-0.2
-0.7\t␣

\\2-grams:
-0.1\t<s> a
-0.2\ta ␣

\\end\\
"""
SYMBOLS = st.text(st.characters(exclude_characters="␣", exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=3)


def written(folder: Path, content: str) -> Path:
    path = folder / "lm.arpa"
    path.write_bytes(content.encode())
    return path


def test_log10_becomes_natural_and_the_space_sign_a_space(tmp_path: Path) -> None:
    model = read_arpa(written(tmp_path, GOOD))
    assert model.counts == [5, 2]
    assert model.symbols == {"a", " "}
    assert model.score(("a",), " ")[0] == pytest.approx(-0.2 * 2.302585)


@pytest.mark.parametrize(
    ("old", "new"),
    [("\n", "\r\n"), ("\t", " "), ("\t", "  "), ("0\t<s>\t-0.3", "0\t<s>\t-0.3\t"), ("ngram 1=", "ngram 1 = ")],
)
def test_line_ends_and_blanks_do_not_matter(tmp_path: Path, old: str, new: str) -> None:
    expected = read_arpa(written(tmp_path, GOOD))
    model = read_arpa(written(tmp_path, GOOD.replace(old, new)))
    assert (model.ln_p, model.ln_backoff) == (expected.ln_p, expected.ln_backoff)


def test_a_missing_back_off_is_zero(tmp_path: Path) -> None:
    model = read_arpa(written(tmp_path, GOOD.replace("\t-0.2\n-0.7", "\n-0.7")))
    assert model.score(("a",), "a")[0] == pytest.approx(-0.5 * 2.302585)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("ngram 2=2", "ngram 2=3", r"lm.arpa:17: section holds 2 2-grams, the header says 3"),
        ("ngram 1=5", "ngram 1=4", r"lm.arpa:11: expected \\2-grams: after the 1-grams counted"),
        ("ngram 1=5", "ngram 7=5", r"lm.arpa:3: expected 'ngram 1=COUNT'"),
        ("ngram 1=5", "ngram 1=many", r"lm.arpa:3: expected 'ngram 1=COUNT'"),
        ("\\data\\", "", r"no \\data\\ line"),
        ("\\2-grams:", "", r"lm.arpa:14: expected \\2-grams:"),
        ("\\end\\", "", r"expected \\end\\, found the end of the file"),
        ("-0.2\ta ␣", "-0.2\t<s> a", r"lm.arpa:15: '<s> a' stands here a second time"),
        ("-0.2\ta ␣", "-0.2\tb a", r"lm.arpa:15: the context of 'b a'"),
        ("-0.2\ta ␣", "-0.2\ta", r"lm.arpa:15: expected a probability and 2 symbols"),
        ("-0.2\ta ␣", "-0.2\ta ␣\t-0.1", r"lm.arpa:15: expected a probability and 2 symbols"),
        ("-0.2\ta ␣", "x\ta ␣", r"lm.arpa:15: 'x' is not a number"),
        ("-0.2\ta ␣", "0.2\ta ␣", r"lm.arpa:15: log-probability 0.2 is above zero"),
        ("-0.2\ta ␣", "nan\ta ␣", r"lm.arpa:15: nan is no logarithm"),
        ("0\t<s>\t-0.3", "0\t<S>\t-0.3", r"lm.arpa:14: the context of '<s> a'"),
        ("-0.9\t</s>", "-0.9\t<end>", r"no </s>"),
    ],
)
def test_damage_is_told_with_its_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    with pytest.raises(LanguageModelError, match=complaint):
        read_arpa(written(tmp_path, GOOD.replace(old, new)))


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, len(GOOD.encode()) - len("\\end\\\n") - 1))
def test_a_truncated_file_is_refused_wherever_it_ends(cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lm.arpa"
        path.write_bytes(GOOD.encode()[:cut])
        with pytest.raises(LanguageModelError):
            read_arpa(path)


def test_what_is_no_arpa_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "not.gz").write_text(GOOD)
    (tmp_path / "short.gz").write_bytes(gzip.compress(GOOD.encode())[:-20])
    for name in ("binary", "not.gz", "short.gz", "absent", "."):
        with pytest.raises(LanguageModelError):
            read_arpa(tmp_path / name)


@settings(max_examples=40, deadline=None)
@given(
    sentences=st.lists(st.lists(st.one_of(SYMBOLS, st.just(" ")), max_size=6), min_size=1, max_size=6),
    order=st.integers(1, 5),
    suffix=st.sampled_from([".arpa", ".arpa.gz"]),
)
def test_a_model_survives_being_written_and_read(sentences: list[list[str]], order: int, suffix: str) -> None:
    if not any(sentences) or {"<s>", "</s>", "<unk>"} & {symbol for sentence in sentences for symbol in sentence}:
        return
    model = estimate(sentences, order)
    with tempfile.TemporaryDirectory() as folder:
        write_arpa(model, Path(folder) / f"lm{suffix}")
        again = read_arpa(Path(folder) / f"lm{suffix}")
    assert again.counts == model.counts
    assert again.ln_p == pytest.approx(dict(model.ln_p), abs=1e-7)
    for ngram in model.ln_p:
        assert again.ln_backoff.get(ngram, 0.0) == pytest.approx(model.ln_backoff.get(ngram, 0.0), abs=1e-7)


def test_a_symbol_that_would_break_the_lines_is_not_written(tmp_path: Path) -> None:
    model = NGramModel({("<s>",): 0.0, ("</s>",): -1.0, ("a\tb",): -1.0}, {})
    with pytest.raises(LanguageModelError, match="cannot be written"):
        write_arpa(model, tmp_path / "lm.arpa")
    assert not list(tmp_path.iterdir())
