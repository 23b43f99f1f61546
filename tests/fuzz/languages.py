"""Language models and lists of words: ARPA, compact files, lexicons, hotwords, prompts, texts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from .formats import Format, Place, Seen, digest_of, expect
from .uses import reading_again, use_ngrams, use_search

TEXT = ("the cat sat on the mat", "a cat ate the rat", "that mat is on a rat", "sit on it", "the end of it")
WORDS = tuple(sorted(set(" ".join(TEXT).split())))


@cache
def estimated(symbols: str) -> Any:
    from emgasr.lm import estimate

    return estimate([line.split() for line in TEXT] if symbols == "words" else list(TEXT), 3)


def lm(name: str, symbols: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        from emgasr.lm import write_model

        write_model(estimated(symbols), folder / name)
        return folder / name

    return write


def scored(path: Path, place: Place) -> Seen:
    """A model is read, scored with, and written in the other form and read again."""
    from emgasr.lm import read_model, write_model

    model = read_model(path)
    seen = use_ngrams(model)
    for name in ("again.lm", "again.arpa"):
        write_model(model, place.out / name)
        with reading_again(name):
            again = read_model(place.out / name)
        expect(again.vocabulary == model.vocabulary, f"written to {name} and read, it has another vocabulary")
        expect(again.counts == model.counts, f"written to {name} and read, it has other n-grams")
    return seen


def text(name: str, content: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text(content, encoding="utf-8")
        return folder / name

    return write


def lexicon(path: Path, place: Place) -> Seen:
    """A list of words becomes the lexicon of a word model that a search reads by, as `--lexicon` does."""
    from argparse import Namespace

    from emgasr.cli.language_options import read_language
    from emgasr.decoding import SearchConfig
    from emgasr.lm import write_model
    from emgasr.tokens import Tokens

    files = {name: place.out / f"{name}.lm" for name in ("words", "characters")}
    for name, file in files.items():
        write_model(estimated(name), file)
    tokens = Tokens.characters(sorted(set("".join(TEXT))))
    asked = Namespace(
        lm=str(files["words"]),
        character_lm=str(files["characters"]),
        lexicon=str(path),
        hotwords=None,
        boost=None,
        unknown_penalty=None,
        single_words=False,
        word_bonus=None,
    )
    language = read_language(asked, tokens)
    assert language is not None
    return use_search(SearchConfig(beam=8), language.lm, tokens)


def hotwords(path: Path, place: Place) -> Seen:
    from emgasr.decoding import SearchConfig
    from emgasr.decoding.hotwords import read_hotwords
    from emgasr.tokens import Tokens

    tokens = Tokens.characters(sorted(set("".join(TEXT))))
    found = read_hotwords(path, tokens)
    seen = use_search(SearchConfig(beam=8), None, tokens, found)
    return Seen(digest_of(seen.digest, sorted(found.phrases.items())))


def word_list(path: Path, place: Place) -> Seen:
    """Words to compose sequences of, and the same as prompts of a recording."""
    from emgasr.cli.prompt_screen import read_prompts
    from emgasr.spellings import read_words

    words = read_words(path)
    expect(all(words), "holds an empty word")
    prompts = read_prompts(path)
    expect(all(prompt.strip() for prompt in prompts), "holds an empty prompt")
    return Seen(digest_of(words))


def lm_text(path: Path, place: Place) -> Seen:
    """Lines of text become n-grams of words, characters and keystrokes, written and read again."""
    from emgasr.errors import LanguageModelError
    from emgasr.lm import estimate, read_model, write_model
    from emgasr.lm.texts import SYMBOLS, read_lines, sentences

    refused: list[LanguageModelError] = []
    for symbols in SYMBOLS:
        try:
            model = estimate(sentences(read_lines([path]), symbols), 2)
        except LanguageModelError as error:  # a text may be too short for it, which names no file
            refused.append(error)
            continue
        for name in ("a.arpa", "a.lm"):
            write_model(model, place.out / name)
            with reading_again(name):
                again = read_model(place.out / name)
            expect(again.vocabulary == model.vocabulary, f"{name} has another vocabulary")
    return Seen("", tuple(map(str, refused)))


LEXICON = "\n".join(WORDS) + "\n"
HOTWORDS = "the cat\nmat\t3.5\non it\t-2\nrat\n"
LINES = "\n".join(TEXT) + "\n"
FORMATS = (
    Format("arpa", "text", "table", (lm("a.arpa", "words"), lm("a.arpa", "characters")), scored),
    Format(*("arpa-gz", "text", "table"), (lm("a.arpa.gz", "words"),), scored, container="gzip", checked=True),
    Format(
        *("compact-lm", "text", "binary"),
        (lm("a.lm", "words"), lm("a.lm", "characters")),
        scored,
        container="compact",
        checked=True,
    ),
    Format("lexicon", "search", "list", (text("lexicon.txt", LEXICON),), lexicon),
    Format("hotwords", "search", "table", (text("hotwords.txt", HOTWORDS),), hotwords),
    Format("word-list", "text", "list", (text("words.txt", LEXICON), text("prompts.txt", LINES)), word_list),
    Format("lm-text", "text", "list", (text("text.txt", LINES),), lm_text),
)
