"""emg2qwerty's published decoder, rebuilt from its rules, against ours with its weights.

The rules (read in its code; in our own words): a prefix beam search, 50 prefixes and the 10 best labels of a
frame, blank counted among these; 2 · log10 p of KenLM and a bonus of 2 for each key but backspace, which goes back to
what was before the key that it deletes, score and bonus included, and does nothing on an empty page. Letters are what
the language model knows. Any other key ends the word with p(</s>) and begins a new one at <s>; where none was begun
it scores p(<unk>). `EMGASR_PUBLISHED=1000 pytest tests/oracles/test_published_decoder.py` tries as many emissions.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from emgasr.decoding import BeamSearch
from emgasr.decoding.search_file import read_search_config
from emgasr.lm import estimate, read_model, write_arpa
from emgasr.lm.single_words import read_as_single_words
from emgasr.tokens import BACKSPACE, ENTER, SHIFT, Tokens
from tests.oracles import reference_search as reference

TRIED = int(os.environ.get("EMGASR_PUBLISHED", "15"))
CONFIG = read_search_config(Path(__file__).parents[2] / "recipes/emg2qwerty/search_published.yaml")
WORDS = ["cab", "abba", "bac", "cc", "a", "dab", "Ab", "abc", "don", "and", "bad"] * 3
BEAM, TOP, WEIGHT, BONUS = 50, 10, 2.0, 2.0
KEYS = Tokens.keystrokes([*"abcdenoABz1.'", " ", BACKSPACE, ENTER, SHIFT])
EVERY_KEY = Tokens.keystrokes()


class Backoff:
    """An ARPA file's n-grams in log10, looked up word by word as the format says."""

    def __init__(self, path: Path) -> None:
        self.ngrams: dict[tuple[str, ...], tuple[float, float]] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            parts = line.split("\t")
            if len(parts) > 1:
                self.ngrams[tuple(parts[1].split(" "))] = float(parts[0]), float(parts[2]) if len(parts) > 2 else 0.0
        self.order = max(map(len, self.ngrams))

    def score(self, context: tuple[str, ...], symbol: str) -> float:
        if (*context, symbol) in self.ngrams:
            return self.ngrams[(*context, symbol)][0]
        if not context:
            return -100.0  # KenLM's for a model without <unk>
        return self.ngrams.get(context, (0.0, 0.0))[1] + self.score(context[1:], symbol)


class Page(NamedTuple):
    """What is written: the state behind its last key, what that key was worth, and the page without it."""

    state: tuple[str, ...]
    worth: float
    below: Page | None


class Published:
    """The decoder by its rules."""

    def __init__(self, tokens: Tokens, model: Backoff) -> None:
        self.tokens, self.model = tokens, model
        self.begin = ("<s>",)

    def after(self, page: Page, key: str) -> tuple[Page, float]:
        """The page behind a key, and what the key adds to the score."""
        if key == BACKSPACE:
            return (page, 0.0) if page.below is None else (page.below, -page.worth)
        state = page.state
        if (key,) in self.model.ngrams:
            log10 = self.model.score(state, key)
            state = (*state, key)[-(self.model.order - 1) :]
        else:
            log10 = self.model.score((), "<unk>") if state == self.begin else self.model.score(state, "</s>")
            state = self.begin
        worth = WEIGHT * log10 + BONUS
        return Page(state, worth, page), worth

    def prior(self, keys: list[str]) -> float:
        """What the keys are worth without emissions."""
        page, total = Page(self.begin, 0.0, None), 0.0
        for key in keys:
            page, added = self.after(page, key)
            total += added
        return total

    def search(self, emissions: np.ndarray) -> list[tuple[tuple[int, ...], float]]:
        """The prefixes and their scores, best first."""
        beam = {(): (0.0, -math.inf)}  # ln of the alignments that end in blank, and in the last key
        pages = {(): Page(self.begin, 0.0, None)}
        for row in emissions.tolist():
            after: dict[tuple[int, ...], list[list[float]]] = defaultdict(lambda: [[], []])
            for label in sorted(range(len(row)), key=lambda label: -row[label])[:TOP]:
                for prefix, (blank, last) in beam.items():
                    if label == 0:
                        after[prefix][0] += [blank + row[0], last + row[0]]
                        continue
                    same = prefix[-1:] == (label,)
                    if same:
                        after[prefix][1].append(last + row[label])
                    page, added = self.after(pages[prefix], self.tokens.symbols[label])
                    pages[(*prefix, label)] = page
                    after[(*prefix, label)][1] += [
                        x + row[label] + added for x in ((blank,) if same else (blank, last))
                    ]
            summed = {prefix: (_sum(blank), _sum(last)) for prefix, (blank, last) in after.items()}
            best = sorted(summed, key=lambda prefix: -_sum(summed[prefix]))[:BEAM]
            beam = {prefix: summed[prefix] for prefix in best}
            pages = {prefix: pages[prefix] for prefix in best}
        return sorted(((prefix, _sum(both)) for prefix, both in beam.items()), key=lambda found: -found[1])


def _sum(lns: tuple[float, ...] | list[float]) -> float:
    high = max(lns, default=-math.inf)
    return high if high == -math.inf else high + math.log(sum(math.exp(ln - high) for ln in lns))


@pytest.fixture(scope="module", params=["an empty word among the words", "none", "none, and no <unk>"])
def arpa(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of words by their letters, capitals among them; `<s> </s>` is an n-gram of the first only."""
    path = tmp_path_factory.mktemp("model") / "words.arpa"
    empty = request.param.startswith("an")
    write_arpa(estimate([*map(list, WORDS), *([[]] if empty else [])], 4), path)
    text = path.read_text(encoding="utf-8")
    assert ("<s> </s>" in text) == empty
    if "no <unk>" in request.param:
        lines = [line for line in text.splitlines(keepends=True) if "<unk>" not in line]
        count = next(line for line in lines if line.startswith("ngram 1="))
        lines[lines.index(count)] = f"ngram 1={int(count[8:]) - 1}\n"
        path.write_text("".join(lines), encoding="utf-8")
    return path


def emissions_of(seed: int, tokens: Tokens) -> np.ndarray:
    """Frames that hold letters, backspaces, shifts and capitals more often than the rest."""
    rng = np.random.default_rng(seed)
    frames, likely = int(rng.integers(4, 16)), tokens.ids([BACKSPACE, SHIFT, "a", "b", "A", " ", "z"])
    logits = rng.normal(0, rng.choice([0.5, 2.0, 4.0]), (frames, len(tokens)))
    logits[np.arange(frames), rng.choice([0, *likely], frames)] += rng.choice([2.0, 6.0])
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


@pytest.mark.slow
def test_the_search_of_the_recipe_answers_as_the_published_decoder(arpa: Path) -> None:
    deleted = capital = 0
    for seed in range(TRIED):
        tokens = EVERY_KEY if seed % 4 == 0 else KEYS
        emissions = emissions_of(seed, tokens)
        expected = Published(tokens, Backoff(arpa)).search(emissions)
        for search in (BeamSearch, reference.BeamSearch) if seed < 4 else (BeamSearch,):
            found = search(tokens, read_as_single_words(read_model(arpa)), CONFIG).whole(emissions)[0]
            assert found.score == pytest.approx(expected[0][1], abs=1e-5)
            if len(expected) == 1 or expected[0][1] - expected[1][1] > 1e-5:
                assert found.ids == expected[0][0]
        keys = tokens.symbols_of(found.ids)
        deleted, capital = deleted + (BACKSPACE in keys), capital + any(key in "AB" for key in keys)
    assert min(deleted, capital) >= TRIED / 10


SEQUENCES = [
    "", "cab", "cab abba", "a  b", "A.c" + ENTER, "abcabcabc,ab", "zz", "..", "a" + BACKSPACE, BACKSPACE,
    BACKSPACE * 2 + "a", "a" + BACKSPACE * 3 + "b", "ab ." + BACKSPACE * 2 + "c", SHIFT + "A", SHIFT + BACKSPACE + "b",
    "ab" + SHIFT + SHIFT + "c",
]  # fmt: skip


def prior_of_ours(keys: list[str], path: Path) -> float:
    """The part of our score that emissions have no say in, of keys that are certain."""
    ids = [label for token in EVERY_KEY.ids(keys) for label in (token, 0)]
    certain = np.full((len(ids), len(EVERY_KEY)), -np.inf)
    certain[np.arange(len(ids)), ids] = 0.0
    (found,) = BeamSearch(EVERY_KEY, read_as_single_words(read_model(path)), CONFIG).whole(certain)
    assert found.ids == tuple(EVERY_KEY.ids(keys))
    return found.score


def random_keys(seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    often = [*"abcdon" * 8, *(BACKSPACE,) * 20, *(SHIFT,) * 5, *" " * 10, *EVERY_KEY.symbols[1:]]
    return [often[i] for i in rng.integers(0, len(often), rng.integers(1, 60))]


def test_any_keys_are_worth_what_they_are_to_the_published_decoder(arpa: Path) -> None:
    published = Published(EVERY_KEY, Backoff(arpa))
    for keys in [*map(list, SEQUENCES), *map(random_keys, range(60))]:
        assert prior_of_ours(keys, arpa) == pytest.approx(published.prior(keys), abs=2e-6 * max(1, len(keys)), rel=1e-7)


def test_the_scores_that_the_rules_were_built_with_are_kenlms(arpa: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    config = kenlm.Config()
    config.show_progress = False
    model, ours = kenlm.Model(str(arpa), config), Backoff(arpa)
    for word in [*WORDS, "zab", "dddd"]:
        state, context = kenlm.State(), ("<s>",)
        model.BeginSentenceWrite(state)
        for symbol in [*word, "</s>"]:
            if (symbol,) not in ours.ngrams:
                break
            after = kenlm.State()
            assert ours.score(context, symbol) == pytest.approx(model.BaseScore(state, symbol, after), abs=1e-6)
            state, context = after, (*context, symbol)[-(ours.order - 1) :]
    assert ours.score((), "<unk>") == pytest.approx(model.score("<unk>", bos=False, eos=False), abs=1e-6)
