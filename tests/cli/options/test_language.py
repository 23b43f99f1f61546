"""Words and hotwords as a user meets them: what each verb tells of a lexicon, and a line on every bad file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.decoding.search_file import read_tuned_search
from emgasr.lm import estimate, write_arpa
from emgasr.manifests.manifest import Manifest, write_manifest
from emgasr.recording import Events
from tests.helpers.miniatures import native_entry, write_native
from tests.helpers.scripts import ROOT

Told = Callable[[], tuple[str, str]]
TYPED = {"test0": "ab", "test1": "bb", "validation2": "ba"}
WORDS = ["--lm", "{}/words.arpa", "--lexicon", "{}/lexicon.txt", "--character-lm", "{}/letters.arpa"]
QUICK = ["--trials", "2", "--threads", "1", "--beam", "4"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained model of a and b, three typed words, a manifest, and models of words and letters."""
    from tests.helpers.tiny_models import save_keys_model

    folder = tmp_path_factory.mktemp("world")
    save_keys_model(folder / "model")
    entries = []
    for seed, (name, text) in enumerate(TYPED.items()):
        events = Events.of([(0.5 + 0.5 * place, 0.6 + 0.5 * place, key) for place, key in enumerate(text)])
        path = write_native(folder, f"{name}.hdf5", seed=seed, subject=f"p{seed}", events=events)
        entries.append(native_entry(path, subject=f"p{seed}", session=f"day{seed}", split=name[:-1]))
    write_manifest(Manifest(tuple(entries), folder, ("subject",)), folder / "manifest.jsonl")
    write_arpa(estimate([["ab"], ["ba"], ["ab"], ["a"]], order=2), folder / "words.arpa")
    write_arpa(estimate(["ab", "ba", "ab", "a"], order=2), folder / "letters.arpa")
    write_arpa(estimate(["AB"], order=2), folder / "capitals.arpa")
    (folder / "lexicon.txt").write_text("ab\n\nba\nabab\n")
    (folder / "letters.txt").write_text("a\nab\n")
    (folder / "names.txt").write_text("bb\naba\t-2.5\n")
    return folder


def evaluate(world: Path, *options: str, model: Path | None = None) -> int:
    return main(["evaluate", str(model or world / "model"), f"{world}/manifest.jsonl", *filled(world, options)])


def filled(world: Path, options: tuple[str, ...] | list[str]) -> list[str]:
    return [option.format(world) for option in options]


def test_evaluate_tells_a_lexicons_size_and_what_it_lacks_everywhere(world: Path, tmp_path: Path, told: Told) -> None:
    out = tmp_path / "out"
    assert evaluate(world, *WORDS, "--lm-weight", "0.5", "--beam", "4", "--out", str(out)) == 0
    table, errors = told()
    assert errors == ""
    head, everybody, first, second = table.splitlines()[:4]
    assert head.split()[-5:] == ["vocabulary", "OOV", "95", "%", "interval"]
    for line, rate in ((everybody, "50.00"), (first, "0.00"), (second, "100.00")):
        assert f" 2 {rate} % " in " ".join(line.split())
    lexicon = "lexicon of 2 words (1 more unknown to the word model)"
    assert f"\n{lexicon}: holds 1 of the text's 2 (OOV rate 50.00 %; 50.00 % of 2 different), lacks bb\n" in table
    rows = {row["subject"]: row["lexicon"] for row in json.loads((out / "results.json").read_text())["rows"]}
    assert {subject: row["oov_rate"] for subject, row in rows.items()} == {"all": 0.5, "p0": 0.0, "p1": 1.0}
    assert (rows["all"]["vocabulary"], rows["all"]["unmodeled"], rows["all"]["unknown"]) == (2, 1, {"bb": 1})
    page = (out / "report.html").read_text()
    assert "2 words; 50.0 %" in page
    assert f"{world}/lexicon.txt ({lexicon})" in page
    assert f"{world}/letters.arpa (order 2), penalty 0 nats" in page


def test_without_a_lexicon_nothing_is_told_of_one(world: Path, told: Told) -> None:
    assert evaluate(world, "--lm", "{}/letters.arpa", "--lm-weight", "1") == 0
    table = told()[0]
    assert "OOV" not in table
    assert "lexicon" not in table


def test_tune_tells_what_the_lexicon_holds_of_what_it_tunes_on(world: Path, tmp_path: Path, told: Told) -> None:
    tuning = ["tune", f"{world}/model", f"{world}/manifest.jsonl", *filled(world, WORDS), *QUICK]
    assert main([*tuning, "--out", f"{tmp_path}/weights.yaml"]) == 0
    assert told()[0].splitlines()[-1].startswith("lexicon of 2 words (1 more unknown to the word model): holds 1 of")


def test_transcribe_tells_the_vocabulary(world: Path, told: Told) -> None:
    reading = ["transcribe", f"{world}/model", f"{world}/test0.hdf5", *filled(world, WORDS)]
    assert main([*reading, "--json"]) == 0
    line, errors = told()
    found = json.loads(line)
    assert (found["vocabulary"], found["unmodeled"]) == (2, 1)
    assert "lexicon of 2 words (1 more unknown to the word model); `emgasr evaluate` reports how much" in errors


def test_hotwords_are_searched_for_and_recorded(world: Path, tmp_path: Path, told: Told) -> None:
    plain = ["transcribe", f"{world}/model", f"{world}/test0.hdf5", "--lm", f"{world}/letters.arpa", "--text"]
    assert main(plain) == 0
    text = told()[0]
    (tmp_path / "names.txt").write_text("bbbabbb\n")
    for boost, found in (("300", True), ("0", False)):
        assert main([*plain, "--hotwords", f"{tmp_path}/names.txt", "--boost", boost]) == 0
        boosted = told()[0]
        assert (boosted.startswith("bbbabbb"), boosted == text) == (found, not found)
    out = tmp_path / "out"
    assert evaluate(world, *WORDS, "--hotwords", "{}/names.txt", "--lm-weight", "1", "--out", str(out)) == 0
    assert f"{world}/names.txt (2, boosts of -2.5 to 5 nats)" in (out / "report.html").read_text()


@pytest.fixture
def model(world: Path, tmp_path: Path) -> Path:
    """A model to write weights beside."""
    shutil.copytree(world / "model", tmp_path / "model")
    return tmp_path / "model"


def test_tuned_weights_remember_their_language_model(world: Path, model: Path, told: Told) -> None:
    tuning = ["tune", str(model), f"{world}/manifest.jsonl", *filled(world, WORDS), *QUICK, "--json"]
    assert main([*tuning, "--hotwords", f"{world}/names.txt"]) == 0
    assert json.loads(told()[0])["lexicon"]["words"] == 1
    comment = (model / "search.yaml").read_text().splitlines()[0]
    assert comment.endswith("lexicon of 2 words (1 more unknown to the word model): holds 1 of the text's 1 (OOV rate"
                            " 0.00 %; 0.00 % of 1 different)")  # fmt: skip
    assert len(read_tuned_search(model / "search.yaml").lm_sha256 or "") == 64
    reading = ["transcribe", str(model), f"{world}/test0.hdf5", *filled(world, WORDS)]
    assert main(reading) == 0
    assert "another language model" not in told()[1]
    (world / "one.txt").write_text("ab\n")
    for others in (["--lexicon", f"{world}/one.txt"], ["--unknown-penalty", "1"]):
        assert main([*reading, *others]) == 0
        warning, search = told()[1].splitlines()[:2]
        assert warning.startswith(f"emgasr: {model}/search.yaml: its weights were tuned for another language model;")
        assert search.endswith(f"; weights of {model}/search.yaml, tuned for another language model")
    assert evaluate(world, "--lm", "{}/letters.arpa", model=model) == 0
    table, errors = told()
    assert errors.count("\n") == 1
    assert "search.yaml, tuned for another language model\n" in table
    assert evaluate(world, "--lm", "{}/letters.arpa", "--search", f"{model}/search.yaml", "--lm-weight", "1") == 0
    assert "weights as given, tuned for another language model\n" in told()[0]
    weights = ["--lm-weight", "1", "--length-bonus", "0", "--acoustic-scale", "1", "--backspace-penalty", "0"]
    assert evaluate(world, "--lm", "{}/letters.arpa", *weights, model=model) == 0
    assert told()[1] == ""  # none of the file's weights is left
    (model / "search.yaml").write_text("lm_weight: 0.5\n")  # as files were before they remembered
    assert main(reading) == 0
    assert "another language model" not in told()[1]


def test_weights_that_evaluate_tuned_remember_it_too(world: Path, tmp_path: Path, told: Told) -> None:
    kept = tmp_path / "kept.yaml"
    quick = ["--tune-trials", "2", "--threads", "1", "--beam", "4"]
    assert evaluate(world, *WORDS, *quick, "--save-search", str(kept)) == 0
    assert evaluate(world, *WORDS, "--search", str(kept)) == 0
    assert told()[1] == ""
    assert evaluate(world, "--lm", "{}/letters.arpa", "--search", str(kept), "--save-search", f"{kept}2") == 0
    assert "another language model" in told()[1]
    assert read_tuned_search(f"{kept}2").lm_sha256 == read_tuned_search(kept).lm_sha256


def test_where_a_sentence_ends_with_the_recording_tuning_cuts_no_word(
    world: Path, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emgasr.evaluation.search_tuning.GRID", 2)
    events = Events.of([(1.0 + second, 1.1 + second, "ab"[second % 2]) for second in range(28)])
    path = write_native(tmp_path, seconds=30.0, events=events)
    entry = native_entry(path, split="validation", duration_s=30.0)
    write_manifest(Manifest((entry,), tmp_path), tmp_path / "manifest.jsonl")
    tuning = ["tune", f"{world}/model", f"{tmp_path}/manifest.jsonl", *filled(world, WORDS), *QUICK, "--json"]
    for end, words in (([], 2), (["--end-of-sentence"], 1)):
        assert main([*tuning, *end, "--out", f"{tmp_path}/{words}.yaml"]) == 0
        assert json.loads(told()[0])["lexicon"]["words"] == words
        assert read_tuned_search(tmp_path / f"{words}.yaml").config.end_of_sentence == bool(end)


LM = ["--lm", "{}/letters.arpa"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--lexicon", "{}/lexicon.txt"], "--lexicon: needs a language model of words; pass --lm FILE"),
        (["--hotwords", "{}/names.txt"], "--hotwords: needs a language model; pass --lm FILE"),
        ([*LM, "--character-lm", "{}/letters.arpa"], "--character-lm: needs a lexicon; pass --lexicon FILE"),
        ([*LM, "--unknown-penalty", "1"], "--unknown-penalty: needs a lexicon; pass --lexicon FILE"),
        ([*LM, "--boost", "1"], "--boost: needs a file of hotwords; pass --hotwords FILE"),
        (["--lm", "{}/words.arpa", "--lexicon", "{}/lexicon.txt"], "--lexicon: needs a model of characters"),
        ([*WORDS, "--unknown-penalty", "nan"], "--unknown-penalty: nan is out of range; give -1000 to 1000"),
        ([*LM, "--hotwords", "{}/names.txt", "--boost", "inf"], "--boost: inf is out of range; give -1000 to 1000"),
        ([*WORDS, "--unknown-penalty", "1001"], "--unknown-penalty: 1001 is out of range; give -1000 to 1000"),
        ([*LM, "--free-separators"], "--free-separators: needs a lexicon; pass --lexicon FILE"),
        ([*LM, "--hotword-parts"], "--hotword-parts: needs a file of hotwords; pass --hotwords FILE"),
        ([*LM, "--word-bonus", "1"], "word_bonus is 1, and no lexicon says what a word is; leave it out"),
        ([*LM, "--length-bonus", "800"], "length_bonus is 800.0; use -100 to 100"),
        ([*LM, "--backspace-penalty", "-1000"], "backspace_penalty is -1000.0; use -100 to 100"),
        ([*LM, "--lm-weight", "1e6"], "lm_weight is 1000000.0; use -100 to 100"),
        ([*LM, "--acoustic-scale", "1e5"], "acoustic_scale is 100000.0; use 0.001 to 100"),
        ([*LM, "--beam", "9223372036854775808"], "beam is 9223372036854775808; use 1 to 1,000,000"),
        ([*LM, "--boost", "much", "--hotwords", "{}/names.txt"], "--boost: invalid float value: 'much'"),
        ([*LM, *WORDS[2:]], "letters.arpa: knows none of the 3 words of {}/lexicon.txt;"),
        ([*LM, *WORDS[2:], "--lexicon", "{}/letters.txt"], "the 2 words of {}/letters.txt but single letters; use a"),
        ([*WORDS[:4], "--character-lm", "{}/words.arpa"], "words.arpa: is no model of characters, as it holds 'ab'"),
        ([*WORDS[:4], "--character-lm", "{}/capitals.arpa"], "capitals.arpa: knows none of the model's 2 letters ('a'"),
        ([*WORDS[:4], "--character-lm", "{}/none.arpa"], "none.arpa: cannot be read"),
        ([*WORDS, "--lexicon", "{}/none.txt"], "none.txt: cannot be read"),
        ([*WORDS, "--hotwords", "{}/none.txt"], "none.txt: cannot be read"),
    ],
)
def test_options_and_models_that_do_not_fit_are_told_in_a_line(
    world: Path, told: Told, options: list[str], line: str
) -> None:
    refused(world, told, evaluate(world, *options), line)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "list.txt: holds no words; write words, one a line"),
        (b"\nabc\nc\n", "holds no word that the tokens can write (line 2: no token has 'c' of 'abc')"),
        (b"ab\nab ba\n", "line 2 holds 2 words ('ab ba')"),
        (b"ab\n\xe9\n", "line 2 is not UTF-8 text"),
        (b"bbb\nbb\n", "words.arpa: knows none of the 2 words of"),
    ],
)
def test_a_bad_lexicon_is_told_with_its_line(
    world: Path, tmp_path: Path, told: Told, content: bytes, line: str
) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    refused(world, told, evaluate(world, *WORDS, "--lexicon", f"{tmp_path}/list.txt"), line)


@pytest.mark.parametrize("verb", ["evaluate", "transcribe", "tune"])
@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b" \n", "list.txt: holds no phrases; write phrases, one a line"),
        (b"no\n", "(line 1: the tokens cannot write 'no', as none has 'n')"),
        (b"ab\nba\tmuch\n", "line 2: 'much' is no boost; write a number of nats"),
        (b"ab\nba\tinf\n", "line 2: the boost of 'ba' is inf"),
        (b"\n\t3\n", "(line 2: '' holds no letter)"),
        (b"ab\nba\n\n ab\t3\n", "line 4: 'ab' is in line 1 already"),
        (b"ab\nba\t1001\n", "line 2: the boost of 'ba' is 1001.0"),
        ("ab\nbä\n".encode("latin-1"), "line 2 is not UTF-8 text"),
    ],
)
def test_bad_hotwords_are_told_with_their_line(
    world: Path, tmp_path: Path, told: Told, verb: str, content: bytes, line: str
) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    what = "test0.hdf5" if verb == "transcribe" else "manifest.jsonl"
    hotwords = ["--hotwords", f"{tmp_path}/list.txt"]
    refused(world, told, main([verb, f"{world}/model", f"{world}/{what}", *filled(world, LM), *hotwords]), line)


def test_what_matches_nothing_is_left_out_counted_and_named(world: Path, tmp_path: Path, told: Told) -> None:
    (tmp_path / "words.txt").write_text("ab\nabc\nba\nAB\nab\nabab\nca\n")
    (tmp_path / "names.txt").write_text("ab\nno\n\t3\nab\nab ba\nb\t2\n")
    options = [*WORDS, "--lexicon", f"{tmp_path}/words.txt", "--hotwords", f"{tmp_path}/names.txt"]
    assert main(["transcribe", f"{world}/model", f"{world}/test0.hdf5", *filled(world, options)]) == 0
    hotwords, words = told()[1].splitlines()[:2]
    assert hotwords == (
        f"emgasr: {tmp_path}/names.txt: 4 of 6 phrases left out: line 2: the tokens cannot write 'no', as none has 'n';"
        " line 3: '' holds no letter; line 4: 'ab' is in line 1 already; and 1 more"
    )
    assert words == (
        f"emgasr: {tmp_path}/words.txt: 4 of 7 words left out: line 2: no token has 'c' of 'abc';"
        " line 4: no token has 'A' of 'AB'; line 5: 'ab' is in line 1 already; and 1 more"
    )


@pytest.mark.parametrize(
    ("options", "told_of_it"),
    [
        (["--word-bonus", "2"], "word bonus 2"),
        (["--refund-bonus"], "bonus refunded"),
        (["--strict-top-k"], "strict top k"),
    ],
)
def test_the_search_tells_what_it_was_asked(world: Path, told: Told, options: list[str], told_of_it: str) -> None:
    assert main(["transcribe", f"{world}/model", f"{world}/test0.hdf5", *filled(world, WORDS), *options]) == 0
    assert f", {told_of_it}; weights" in told()[1].replace("; default weights", "; weights")


def test_free_separators_and_parts_are_recorded(world: Path, tmp_path: Path, told: Told) -> None:
    options = [*WORDS, "--free-separators", "--hotwords", "{}/names.txt", "--hotword-parts", "--lm-weight", "1"]
    assert evaluate(world, *options, "--out", str(tmp_path / "out")) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "penalty 0 nats, separators free" in page
    assert "nats, words by themselves)" in page


def test_the_n_best_hypotheses_are_printed_with_their_scores(world: Path, told: Told) -> None:
    reading = ["transcribe", f"{world}/model", f"{world}/test0.hdf5", *filled(world, LM)]
    assert main([*reading, "--nbest", "3"]) == 0
    rows = [line.split("\t") for line in told()[0].splitlines()]
    assert len(rows) == 3
    assert sorted(rows, key=lambda row: -float(row[0])) == rows
    assert main([*reading, "--nbest", "3", "--json"]) == 0
    found = json.loads(told()[0])
    assert [[f"{each['score']:.4f}", each["text"]] for each in found["nbest"]] == rows
    assert found["text"] == rows[0][1]
    assert found["nbest"][1].keys() >= {"acoustic", "lm", "keys"}
    assert main(reading) == 0
    assert told()[0] == f"{rows[0][1]}\n"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--nbest", "2"], "--nbest: needs a search with a language model; pass --lm FILE"),
        ([*LM, "--nbest", "0"], "n_best is 0; use 1 to 1,000,000"),
        ([*LM, "--nbest", "60"], "--nbest: is 60, and the beam holds 50; pass --beam 60 too"),
    ],
)
def test_an_impossible_number_of_hypotheses_is_told(world: Path, told: Told, options: list[str], line: str) -> None:
    refused(world, told, main(["transcribe", f"{world}/model", f"{world}/test0.hdf5", *filled(world, options)]), line)


def refused(world: Path, told: Told, code: int, line: str) -> None:
    out, errors = told()
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert line.format(world) in errors


def test_a_model_of_single_words_is_read_by_the_published_rule(world: Path, tmp_path: Path, told: Told) -> None:
    search = ROOT / "recipes" / "emg2qwerty" / "search_published.yaml"
    options = ["--lm", "{}/letters.arpa", "--single-words", "--search", str(search), "--out", str(tmp_path / "out")]
    assert evaluate(world, *options) == 0
    assert "letters.arpa (order 2), single words" in (tmp_path / "out" / "report.html").read_text()
    told()
    for wrong, line in (
        (["--single-words"], "--single-words: needs a language model"),
        (
            ["--lm", "{}/words.arpa", "--single-words"],
            "knows 'ab', and the published rule is for models of the letters",
        ),
        ([*WORDS, "--single-words"], "--single-words: does not go with a lexicon"),
    ):
        assert evaluate(world, *wrong) == 2
        assert line in told()[1]
