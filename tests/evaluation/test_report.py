"""The report: one page that stands alone, says what was measured, and survives odd input."""

from __future__ import annotations

import base64
import importlib.util
import re
from html.parser import HTMLParser

import pytest

from emgasr.decoding import BeamSearch
from emgasr.display.visible import visible
from emgasr.evaluation.evaluate import Evaluation, Item, evaluate
from emgasr.evaluation.report import render_report, write_report
from emgasr.evaluation.results import results_of
from emgasr.lm import estimate
from emgasr.tokens import Tokens
from tests.helpers.known_emissions import KEYS, emissions_of

VOID = {"meta", "img", "source", "br"}
PROMPT = "the quick brown fox jumps over the lazy dog\N{RETURN SYMBOL}"


class Page(HTMLParser):
    """Collects the text, the addresses and whether every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.tags: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def typing(system: str = "small", wrong: str = PROMPT.replace("quick", "qvick").replace("lazy", "lzy")) -> Evaluation:
    symbols = list(PROMPT)
    items = [
        Item("a/one.h5", "ann", symbols, emissions_of(symbols)),
        Item("b/two.h5", "bob <script>alert(1)</script>", symbols, emissions_of(list(wrong))),
        Item("c/three.h5", "cyd", symbols, emissions_of([*symbols, "x"])),
    ]
    return evaluate(items, KEYS, system=system, settings={"manifest": "a & b.jsonl"})


def page_of(*evaluations: Evaluation, title: str = "A title") -> str:
    return render_report([(evaluation, results_of(evaluation)) for evaluation in evaluations], title)


@pytest.mark.slow
def test_the_page_is_well_formed_and_loads_nothing() -> None:
    page = page_of(typing("before"), typing("after", PROMPT))
    read = Page(page)
    assert read.open == []
    assert read.addresses
    assert all(address.startswith("data:image/png;base64,") for address in read.addresses)
    assert not {"script", "link", "iframe"} & set(read.tags)
    for needle in ("http:", "https:", "@import", "url("):
        assert needle not in page


@pytest.mark.slow
def test_pictures_are_png_in_a_light_and_a_dark_dress() -> None:
    addresses = Page(page_of(typing())).addresses
    assert len(addresses) == 4  # what is mistaken for what, and reliability
    for address in addresses:
        assert base64.b64decode(address.split(",", 1)[1]).startswith(b"\x89PNG")


@pytest.mark.slow
def test_it_says_what_was_measured() -> None:
    text = Page(page_of(typing("before"), typing("after", PROMPT), title="Ann & others")).text
    everybody = results_of(typing("before"))[0].as_dict()
    for needle in ("Ann & others", "before", "after", f"{100 * everybody['cer_greedy']:.1f} %", "132 keys by 3 people"):
        assert needle in text
    assert "bob <script>" in text
    assert "a & b.jsonl" in text
    assert "lzy" not in text  # the missed letter is shown, marked as missed
    assert "qvick" in text


def test_errors_of_each_kind_are_marked() -> None:
    page = page_of(typing())
    assert "title='truly u'>v</span>" in page
    assert "<span class='missed'>a</span>" in page
    assert "<span class='extra'>x</span>" in page


def test_without_matplotlib_it_says_how_to_get_the_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    page = page_of(typing())
    assert "needs matplotlib: pip install 'emgasr[plot]'" in Page(page).text
    assert Page(page).addresses == []


def test_gestures_are_shown_as_a_matrix_with_their_accuracy() -> None:
    words = Tokens.words(["fist", "wave in", "pinch"])
    pairs = [("fist", "fist"), ("wave in", "pinch"), ("pinch", "pinch")]
    items = [Item(f"{i}", f"s{i % 2}", [true], emissions_of([got], words)) for i, (true, got) in enumerate(pairs)]
    page = page_of(evaluate(items, words))
    assert "Matrix of true and read words" in page
    assert "Isolated words, by forced choice" in page
    assert "Isolated words right" in page
    assert "accuracy of 3 takes, by forced choice" in page
    text = Page(page).text
    assert "WER" in text
    assert "CER" not in text
    assert "3 words by 2 people" in text
    assert "wave in" in text.split("Most frequent confusions")[1]
    assert "Keyboard" not in page
    assert Page(page).open == []


@pytest.mark.parametrize(
    ("read", "said", "shown"),
    [
        (["fist", "open", "open"], "1 of 3 takes is read with an error (greedy).", ["take1"]),
        (["open", "open", "fist"], "2 of 3 takes are read with an error (greedy).", ["take0", "take1"]),
        (["fist", "fist", "fist"], "None of 3 takes are read with an error (greedy).", []),
    ],
)
def test_of_single_takes_those_with_errors_are_the_examples(read: list[str], said: str, shown: list[str]) -> None:
    words = Tokens.words(["fist", "open"])
    true = ["fist", "fist", "open" if read[2] == "open" else "fist"]
    items = [
        Item(f"take{i}", "ann", [one], emissions_of([got], words))
        for i, (one, got) in enumerate(zip(true, read, strict=True))
    ]
    page = page_of(evaluate(items, words))
    text = Page(page).text
    assert said in text
    assert re.findall(r"ann · (take\d)", text) == shown
    assert page.count("class='card example'") == len(shown)
    assert "% wrong" not in text
    assert "language model" not in text  # there is none
    assert Page(page).open == []


def test_sessions_and_deletions_beside_equal_words_have_their_figures() -> None:
    words = Tokens.words(["fist", "open"])
    strings = {"monday": ["fist", "open"], "tuesday": ["fist"]}
    items = [
        Item(name, "ann", ["fist", "fist", "open"], emissions_of(read, words), session=name)
        for name, read in strings.items()
    ]
    page = page_of(evaluate(items, words))
    text = Page(page).text
    assert "Session by session" in text
    assert "tuesday1366.7 %" in text  # one recording of three words
    for line in ("Words deleted beside an equal one50.0 %, 2 of 4", "Words deleted elsewhere50.0 %, 1 of 2"):
        assert line in text
    assert "over that elsewhere1.00" in text
    assert "Where errors fall (greedy)" in text
    assert Page(page).open == []


def test_letters_are_called_letters() -> None:
    letters = Tokens.characters("abcde")
    items = [
        Item("one", "ann", list("abcd"), emissions_of("abed", letters)),
        Item("c", "ann", ["c"], emissions_of("c", letters)),
    ]
    page = page_of(evaluate(items, letters))
    text = Page(page).text
    assert "letter error rate, greedy" in text
    assert "5 letters by 1 person" in text
    assert page.count("Matrix of true and read letters") == 2  # isolated, and in strings
    assert not {"CER", "keys", "Keyboard"} & set(text.split())


def test_the_language_model_has_its_own_column() -> None:
    symbols = list("the lazy dog")
    lm = estimate([symbols] * 3, order=3)
    evaluation = evaluate([Item("a", "ann", symbols, emissions_of(symbols))], KEYS, BeamSearch(KEYS, lm))
    text = Page(page_of(evaluation)).text
    assert "with language model" in text
    assert "with LM" in text


@pytest.mark.slow
def test_a_session_is_cut_into_examples(tmp_path) -> None:
    symbols = list("abcdefgh " * 40)
    evaluation = evaluate([Item("long.h5", "ann", symbols, emissions_of(symbols))], KEYS)
    write_report(tmp_path / "report.html", [(evaluation, results_of(evaluation))], "Long")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("class='card example'") == 5
    assert "from key 73" in page


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["words", "characters"])
def test_whatever_labels_and_names_hold_is_plain_text_on_the_page(kind: str) -> None:
    strange = [
        "<script>alert(1)</script>",
        "$\\frac$",
        "[bold]",
        "\x1b]0;title\x07",
        "' onload='x",
        "\u202eabc",
        "=cmd|",
    ]
    tokens = Tokens(kind, strange)
    read = [*strange[1:], strange[0]]
    items = [
        Item(f"{true}{i}", f"{true}{i % 2}", [true], emissions_of([got], tokens))
        for i, (true, got) in enumerate(zip(strange, read, strict=True))
    ]
    settings = {true: true for true in strange}
    evaluation = evaluate(items, tokens, system="<b>\x1b[31m", settings=settings)
    page = page_of(evaluation, typing(), title="<i>\x07")
    assert not set(Page(page).tags) & {"script", "b", "i"} - {"b"}
    assert page.count("<b>") == page_of(typing(), typing()).count("<b>")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", page)
    for true in strange:
        assert visible(true) in Page(page).text


def test_where_matplotlib_finds_no_folder_to_write_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise OSError("Matplotlib requires access to a writable cache directory")

    monkeypatch.setattr("emgasr.display.pictures.import_module", refuse)
    assert "set MPLCONFIGDIR" in Page(page_of(typing())).text
