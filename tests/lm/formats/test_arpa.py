"""ARPA files: round trips, forgiving where it is safe, and a line number for every kind of damage."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tempfile
import unicodedata
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.errors import LanguageModelError
from emgasr.lm import estimate, read_arpa, read_model, write_arpa, write_compact
from tests.helpers.hand_made_models import model_of, ngrams_of

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
SYMBOLS = st.text(st.characters(), min_size=1, max_size=3)


def written(folder: Path, content: str) -> Path:
    path = folder / "lm.arpa"
    path.write_bytes(content.encode())
    return path


def about(symbol: str) -> str:
    """The good file, with another symbol in the place of its a."""
    return GOOD.replace("\ta", f"\t{symbol}").replace("> a", f"> {symbol}")


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
        ("-0.2\ta ␣", "-0.2\ta ␣\t-0.1", r"lm.arpa:15: back-off -0.1 of a 2-gram, which no longer n-gram follows"),
        ("-0.2\ta ␣", "-0.2\ta ␣\tx", r"lm.arpa:15: expected a probability and 2 symbols"),
        ("-0.5\ta\t-0.2", "-0.5\ta\tnan", r"lm.arpa:10: nan is no logarithm"),
        ("-0.5\ta\t-0.2", "-0.5\ta\t-inf", r"lm.arpa:10: -inf is no logarithm"),
        ("-0.5\ta\t-0.2", "-0.5\ta\t5", r"a back-off of 5 gives '[^']+' a log-probability of 3.5, above zero"),
        ("\\end\\\n", "\\end\\\n-0.1 a\n", r"lm.arpa:18: goes on behind \\end\\"),
        ("ngram 1=5", "ngram 1=5\nngram 2=0" + "".join(f"\nngram {n}=0" for n in range(3, 99)), "more than 64 orders"),
        ("ngram 1=5", "ngram 1=" + "9" * 5000, r"lm.arpa:3: expected 'ngram 1=COUNT'"),
        ("ngram 1=5", "ngram " + "1" * 5000 + "=5", r"lm.arpa:3: expected 'ngram 1=COUNT'"),
        ("-0.2\ta ␣", "x\ta ␣", r"lm.arpa:15: 'x' is not a number"),
        ("-0.2\ta ␣", "0.2\ta ␣", r"lm.arpa:15: log-probability 0.2 is above zero"),
        ("-0.2\ta ␣", "nan\ta ␣", r"lm.arpa:15: nan is no logarithm"),
        ("-0.2\ta ␣", "inf\ta ␣", r"lm.arpa:15: log-probability inf is above zero"),
        ("-0.2\ta ␣", "-infin\ta ␣", r"lm.arpa:15: '-infin' is not a number"),
        ("-0.2\ta ␣", "-1e39\ta ␣", r"lm.arpa:15: -1e39 is no logarithm"),
        ("-0.5\ta\t-0.2", "-0.5\ta\t-1e31", r"lm.arpa:10: -1e31 is no logarithm"),
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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    "symbol",
    [
        *("␣", "␣␣", "a b", " ", "\t", "\r", "\n", "a\nb", "\0", "\x7f", "\x0b", "\x1c", "\x85", "\u00a0", "\u3000"),
        *("␛", "␛9;", "␛9", "␛␛;", "␛110000;", "<UNK>", "<unk> ", "\\end\\", "\\data\\", "#", "-1.5", "\u2028"),
        *("\ufeff", "\udce9", "e\u0301", "𝄞"),
    ],
)
def test_whatever_a_symbol_is_it_is_read_as_it_was_written(tmp_path: Path, symbol: str) -> None:
    ngrams = {("<s>",): (0.0, -0.5), ("</s>",): (-1.0, 0.0), (symbol,): (-2.0, -0.5), ("a",): (-3.0, 0.0)}
    model = model_of(ngrams | {("<s>", symbol): (-0.1, 0.0), (symbol, "a"): (-0.1, 0.0)})
    for name in ("lm.arpa", "lm.arpa.gz"):
        write_arpa(model, tmp_path / name)
        again = read_arpa(tmp_path / name)
        assert again.symbols == {unicodedata.normalize("NFC", symbol), "a"}
        assert again.sentence([symbol, "a"]) == model.sentence([symbol, "a"])


def test_the_empty_symbol_is_not_written(tmp_path: Path) -> None:
    model = model_of({("<s>",): (0.0, 0.0), ("</s>",): (-1.0, 0.0), ("",): (-1.0, 0.0)})
    with pytest.raises(LanguageModelError, match="the empty symbol cannot be written"):
        write_arpa(model, tmp_path / "lm.arpa")
    assert not list(tmp_path.iterdir())


def test_unk_in_capitals_is_the_unknown_symbol(tmp_path: Path) -> None:
    lower = read_arpa(written(tmp_path, GOOD))
    upper = read_arpa(written(tmp_path, GOOD.replace("<unk>", "<UNK>")))
    assert upper.has_unknown
    assert ngrams_of(upper) == ngrams_of(lower)
    for sentence in (["x", "a"], ["<UNK>", "a"], ["<unk>"]):
        assert upper.sentence(sentence) == lower.sentence(sentence)
    both = GOOD.replace("ngram 1=5", "ngram 1=6").replace("-0.7\t␣", "-0.7\t␣\n-3\t<UNK>")
    with pytest.raises(LanguageModelError, match=r"lm.arpa:12: <unk> comes a second time, once as <UNK>"):
        read_arpa(written(tmp_path, both))
    longer = GOOD.replace("<unk>", "<UNK>").replace("-0.2\ta ␣", "-0.2\ta <UNK>")
    assert ("a", "<unk>") in ngrams_of(read_arpa(written(tmp_path, longer)))


@pytest.mark.parametrize("sign", ["-inf", "-Inf", "-INF"])
def test_minus_infinity_is_the_sign_for_impossible(tmp_path: Path, sign: str) -> None:
    model = read_arpa(written(tmp_path, GOOD.replace("-0.2\ta ␣", f"{sign}\ta ␣").replace("-0.7\t␣", f"{sign}\t␣")))
    assert ngrams_of(model)["a", " "][0] == pytest.approx(-99 * 2.302585093)
    assert model.notes == (
        "1 1-grams have a log-probability of -inf: read as -99",
        "1 2-grams have a log-probability of -inf: read as -99",
    )
    write_arpa(model, tmp_path / "again.arpa")
    assert ngrams_of(read_arpa(tmp_path / "again.arpa")) == ngrams_of(model)


@pytest.mark.parametrize("zero", ["0", "-0", "0.0", "-0.000000", "0e0"])
def test_a_back_off_of_zero_after_the_highest_order_says_nothing(tmp_path: Path, zero: str) -> None:
    model = read_arpa(written(tmp_path, GOOD.replace("-0.2\ta ␣", f"-0.2\ta ␣\t{zero}")))
    assert ngrams_of(model) == ngrams_of(read_arpa(written(tmp_path, GOOD)))


@pytest.mark.parametrize("title", ["\n\\3-grams:\n", ""])
def test_an_empty_order_is_read_with_and_without_its_title(tmp_path: Path, title: str) -> None:
    content = GOOD.replace("ngram 2=2", "ngram 2=2\nngram 3=0").replace("\n\\end", f"{title}\n\\end")
    model = read_arpa(written(tmp_path, content))
    assert model.counts == [5, 2, 0]
    assert model.sentence(["a", " "]) == read_arpa(written(tmp_path, GOOD)).sentence(["a", " "])


def test_a_context_that_is_not_listed_is_backed_off_to(tmp_path: Path) -> None:
    """As SRILM reads it: the n-gram counts, its context has no back-off, and the context's own p is as it was."""
    content = GOOD.replace("ngram 2=2\n", "ngram 2=2\nngram 3=2\nngram 4=1\n")
    content = content.replace(
        "\\end\\", "\\3-grams:\n-0.3 <s> a a -0.4\n-0.1 a a a\n\n\\4-grams:\n-0.05 ␣ a a ␣\n\n\\end\\"
    )
    model = read_arpa(written(tmp_path, content))
    assert model.notes == ("3 contexts of its n-grams are not listed: filled in by backing off",)
    log10 = {ngram: p / 2.302585093 for ngram, (p, _) in ngrams_of(model).items()}
    assert log10["a", "a"] == pytest.approx(-0.2 - 0.5)
    assert log10[" ", "a"] == pytest.approx(-0.5)  # ␣ has no back-off
    assert log10[" ", "a", "a"] == pytest.approx(-0.2 - 0.5)
    assert log10["a", "a", "a"] == pytest.approx(-0.1)
    assert log10[" ", "a", "a", " "] == pytest.approx(-0.05)
    asked = [(["a", "a"], -0.1 - 0.3), (["a", "a", "a"], -0.1 - 0.3 - 0.4 - 0.1), ([" ", "a"], -0.3 - 0.7 - 0.5)]
    for sentence, expected in asked:
        state, total = model.start(), 0.0
        for symbol in sentence:
            ln_p, state = model.score(state, symbol)
            total += ln_p / 2.302585093
        assert total == pytest.approx(expected, abs=1e-6)
    write_arpa(model, tmp_path / "again.arpa")
    assert ngrams_of(read_arpa(tmp_path / "again.arpa")) == ngrams_of(model)


@pytest.mark.parametrize("before", ["", "\ufeff", "\ufeff\n", "some words\nbefore\n", "# a comment\n"])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_marks_comments_and_line_ends_of_any_system_are_read(tmp_path: Path, before: str, end: str) -> None:
    content = before + GOOD[GOOD.index("\\data") :]
    assert ngrams_of(read_arpa(written(tmp_path, content.replace("\n", end)))) == ngrams_of(
        read_arpa(written(tmp_path, GOOD))
    )


def test_two_forms_of_a_symbol_are_one(tmp_path: Path) -> None:
    decomposed = read_arpa(written(tmp_path, about("cafe\u0301")))
    composed = read_arpa(written(tmp_path, about("café")))
    assert decomposed.symbols == composed.symbols == {"café", " "}
    for model in (decomposed, composed):
        assert model.sentence(["café"]) == model.sentence(["cafe\u0301"]) == composed.sentence(["café"])
    both = about("e\u0301").replace("ngram 1=5", "ngram 1=6").replace("-0.7\t␣", "-0.7\t␣\n-0.9\té\n")
    model = read_arpa(written(tmp_path, both))
    assert model.notes == ("1 symbols stand there composed and decomposed: only the composed form is used",)
    assert model.score(0, "e\u0301")[0] == model.score(0, "é")[0] == pytest.approx(-0.9 * 2.302585093)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"mmap lm http://kheafield.com/code format version 5\n\0" + bytes(100), "is a KenLM binary"),
        (("iARPA\n\n" + GOOD).encode(), "is an IRSTLM iARPA file.*compile-lm --text yes"),
        (b"blmt 3 12 34\n", "is an IRSTLM binary"),
        (b"SRILM_BINARY_NGRAM_002\n", "is an SRILM binary"),
        (GOOD.encode("utf-16"), "is UTF-16 text"),
        (bz2.compress(GOOD.encode()), "is compressed with bzip2"),
        (lzma.compress(GOOD.encode()), "is compressed with xz"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n", "git lfs pull"),
        (b"/annex/objects/SHA256E-s9--aa.arpa.gz\n", "git annex get"),
        (gzip.compress(bytes(10_000_000)), "unpacks to more than 100 times its size"),
        (about("\udcff").encode("utf-8", "surrogateescape"), r"lm:10: .* is not UTF-8 text"),
    ],
    ids=["kenlm", "iarpa", "irstlm", "srilm", "utf-16", "bzip2", "xz", "lfs", "annex", "bomb", "latin-1"],
)
def test_other_files_are_told_for_what_they_are(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "lm").write_bytes(content)
    for read in (read_arpa, read_model):
        with pytest.raises(LanguageModelError, match=told):
            read(tmp_path / "lm")
    if b"git" not in content and b"annex" not in content and "times" not in told and "lm:10" not in told:
        (tmp_path / "lm").write_bytes(gzip.compress(content))
        with pytest.raises(LanguageModelError, match=told):
            read_model(tmp_path / "lm")


def test_a_compact_model_that_was_gzipped_and_a_device_are_told(tmp_path: Path) -> None:
    write_compact(estimate(["ab"], 2), tmp_path / "a.lm")
    (tmp_path / "a.lm.gz").write_bytes(gzip.compress((tmp_path / "a.lm").read_bytes()))
    with pytest.raises(LanguageModelError, match="is a compact model that was gzipped; gunzip it first"):
        read_model(tmp_path / "a.lm.gz")
    with pytest.raises(LanguageModelError, match="is a device"):
        read_model("/dev/zero")
    with pytest.raises(LanguageModelError, match="cannot be read"):
        read_model("a\0b")
