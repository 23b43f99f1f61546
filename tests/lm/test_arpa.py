"""ARPA files: round trips, forgiving where it is safe, and a line number for every kind of damage."""

from __future__ import annotations

import gzip
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hand_made import model_of, ngrams_of
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.errors import LanguageModelError
from emgasr.lm import estimate, read_arpa, write_arpa

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
    assert ngrams_of(model)["a", " "] == pytest.approx((-0.2 * 2.302585, 0.0))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n", "\r\n"),
        ("\n", "\n\n"),
        ("\t", " "),
        ("\t", "  "),
        ("0\t<s>\t-0.3", "0\t<s>\t-0.3\t"),
        ("ngram 1=", "ngram 1 = "),
        ("-0.9\t", "-9e-1\t"),
        ("-0.9\t", "-.09E+1\t"),
        ("-0.5\t", "-0.500000000000000000000000\t"),
    ],
)
def test_line_ends_blanks_and_ways_to_write_a_number_do_not_matter(tmp_path: Path, old: str, new: str) -> None:
    assert old in GOOD
    expected = read_arpa(written(tmp_path, GOOD))
    assert ngrams_of(read_arpa(written(tmp_path, GOOD.replace(old, new)))) == ngrams_of(expected)


@given(st.one_of(st.floats(-1e30, 0), st.floats(-1, 0), st.integers(-(10**30), 0)))
def test_numbers_are_read_as_python_reads_them(number: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = read_arpa(written(Path(folder), GOOD.replace("-0.2\ta ␣", f"{number}\ta ␣")))
    assert ngrams_of(model)["a", " "][0] == pytest.approx(float(number) * 2.302585093, rel=1e-6, abs=1e-44)


def test_a_model_without_unk_says_so(tmp_path: Path) -> None:
    without = GOOD.replace("-1.5\t<unk>\n", "").replace("ngram 1=5", "ngram 1=4")
    assert read_arpa(written(tmp_path, GOOD)).has_unknown
    assert not read_arpa(written(tmp_path, without)).has_unknown


def test_a_missing_back_off_is_zero(tmp_path: Path) -> None:
    model = read_arpa(written(tmp_path, GOOD.replace("\t-0.2\n-0.7", "\n-0.7")))
    assert model.score(model.score(0, "a")[1], "a")[0] == pytest.approx(-0.5 * 2.302585)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("ngram 2=2", "ngram 2=3", r"lm.arpa:17: section holds 2 2-grams, the header says 3"),
        ("ngram 1=5", "ngram 1=4", r"lm.arpa:11: expected \\2-grams: after the 1-grams counted"),
        ("ngram 1=5", "ngram 7=5", r"lm.arpa:3: expected 'ngram 1=COUNT'"),
        ("ngram 1=5", "ngram 1=many", r"lm.arpa:3: expected 'ngram 1=COUNT'"),
        ("ngram 2=2", "ngram 2=987654321987654321", r"lm.arpa:17: section holds 2 2-grams, the header says 9876"),
        ("\\data\\", "", r"no \\data\\ line"),
        ("\\2-grams:", "", r"lm.arpa:14: expected \\2-grams:"),
        ("\\end\\", "", r"expected \\end\\, found the end of the file"),
        ("-0.2\ta ␣", "-0.2\t<s> a", r"lm.arpa:15: '<s> a' comes a second time"),
        ("-0.7\t␣", "-0.7\ta", r"lm.arpa:11: 'a' comes a second time"),
        ("-0.2\ta ␣", "-0.2\tb a", r"lm.arpa:15: 'b' is not among the 1-grams"),
        ("-0.2\ta ␣", "-0.2\ta b", r"lm.arpa:15: 'b' is not among the 1-grams"),
        ("-0.2\ta ␣", "-0.2\ta\tb", r"lm.arpa:15: 'b' is not among the 1-grams"),
        ("-0.2\ta ␣", "-0.2\ta ␣ a a", r"lm.arpa:15: expected a probability and 2 symbols"),
        ("-0.5\ta\t-0.2", "-0.5\ta\t-x", r"lm.arpa:10: '-x' is not a number"),
        ("-0.5\ta\t-0.2", "-0.5\ta b\t-0.2", r"lm.arpa:10: expected a probability and 1 symbols"),
        ("-0.2\ta ␣", "-0.2\ta", r"lm.arpa:15: expected a probability and 2 symbols"),
        ("-0.2\ta ␣", "-0.2\ta ␣\t-0.1", r"lm.arpa:15: expected a probability and 2 symbols"),
        ("-0.2\ta ␣", "x\ta ␣", r"lm.arpa:15: 'x' is not a number"),
        ("-0.2\ta ␣", "0.2\ta ␣", r"lm.arpa:15: log-probability 0.2 is above zero"),
        ("-0.2\ta ␣", "nan\ta ␣", r"lm.arpa:15: nan is no logarithm"),
        ("-0.2\ta ␣", "-inf\ta ␣", r"lm.arpa:15: -inf is no logarithm"),
        ("-0.2\ta ␣", "-1e39\ta ␣", r"lm.arpa:15: -1e39 is no logarithm"),
        ("-0.2\ta ␣", "-1e\ta ␣", r"lm.arpa:15: '-1e' is not a number"),
        ("-0.2\ta ␣", "-.\ta ␣", r"lm.arpa:15: '-.' is not a number"),
        ("0\t<s>\t-0.3", "0\t<S>\t-0.3", r"lm.arpa:14: '<s>' is not among the 1-grams"),
        ("-0.9\t</s>", "-0.9\t<end>", r"no </s>"),
    ],
)
def test_damage_is_told_with_its_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    with pytest.raises(LanguageModelError, match=complaint):
        read_arpa(written(tmp_path, GOOD.replace(old, new)))


def test_an_ngram_without_its_context_is_told_with_its_line(tmp_path: Path) -> None:
    content = GOOD.replace("ngram 2=2\n", "ngram 2=2\nngram 3=2\n")
    content = content.replace("\\end\\", "\\3-grams:\n\n-0.1 <s> a a\n-0.1 a a a\n\n\\end\\")
    with pytest.raises(LanguageModelError, match=r"lm.arpa:21: the context of 'a a a' is not among the n-grams"):
        read_arpa(written(tmp_path, content))


def test_symbols_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "lm.arpa").write_bytes(GOOD.encode("utf-16-le").replace(b"\0", b"").replace(b"\x23\x24", b"\xff"))
    with pytest.raises(LanguageModelError, match="not UTF-8"):
        read_arpa(tmp_path / "lm.arpa")


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, len(GOOD.encode()) - len("\\end\\\n") - 1))
def test_a_truncated_file_is_refused_wherever_it_ends(cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lm.arpa"
        path.write_bytes(GOOD.encode()[:cut])
        with pytest.raises(LanguageModelError):
            read_arpa(path)


@settings(max_examples=200, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused(share: float, byte: int) -> None:
    content = bytearray(GOOD.encode())
    content[int(share * len(content))] = byte
    with tempfile.TemporaryDirectory() as folder, suppress(LanguageModelError):
        path = Path(folder) / "lm.arpa"
        path.write_bytes(content)
        assert read_arpa(path).sentence("a a").ln_p < 0


def test_what_is_no_arpa_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "empty").touch()
    (tmp_path / "short.gz").write_bytes(gzip.compress(GOOD.encode())[:-20])
    damaged = bytearray(gzip.compress(GOOD.encode()))
    damaged[20] ^= 255
    (tmp_path / "damaged.gz").write_bytes(damaged)
    for name in ("binary", "empty", "short.gz", "damaged.gz", "absent", "."):
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
    assert ngrams_of(again) == ngrams_of(model)


def test_a_symbol_that_would_break_the_lines_is_not_written(tmp_path: Path) -> None:
    model = model_of({("<s>",): (0.0, 0.0), ("</s>",): (-1.0, 0.0), ("a\tb",): (-1.0, 0.0)})
    with pytest.raises(LanguageModelError, match="cannot be written"):
        write_arpa(model, tmp_path / "lm.arpa")
    assert not list(tmp_path.iterdir())
