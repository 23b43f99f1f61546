"""Language models and lists of words: ARPA, compact files, lexicons, hotwords, prompts, texts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from emgasr.errors import EmgasrError

from .formats import Format, Place, Seen, digest_of, expect
from .uses import reading_again, use_ngrams, use_search, use_verb

TEXT = ("the cat sat on the mat", "a cat ate the rat", "that mat is on a rat", "sit on it", "the end of it")
WORDS = tuple(sorted(set(" ".join(TEXT).split())))
KINDS_OF_SYMBOLS = ("keystrokes", "characters", "words")


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


def asked(path: Path, place: Place, *options: str) -> Seen:
    """A search by what the options of a verb ask for, beside language models that are whole."""
    import argparse

    from emgasr.cli.options.language import add_language_options, language_files
    from emgasr.decoding import SearchConfig
    from emgasr.language import read_language
    from emgasr.lm import write_model
    from emgasr.tokens import Tokens

    for name in ("words", "characters"):
        write_model(estimated(name), place.out / f"{name}.lm")
    parser = argparse.ArgumentParser()
    add_language_options(parser)
    tokens = Tokens.characters(sorted(set("".join(TEXT))))
    files = language_files(parser.parse_args([word.format(out=place.out, path=path) for word in options]))
    expect(files is not None, "is passed over")
    assert files is not None
    language = read_language(files, tokens)
    seen = use_search(SearchConfig(beam=8), language.lm, tokens, language.hotwords)
    return Seen(digest_of(seen.digest, language.settings, language.notes), seen.told)


def lexicon(path: Path, place: Place) -> Seen:
    options = ("--lm", "{out}/words.lm", "--character-lm", "{out}/characters.lm", "--lexicon", "{path}")
    return asked(path, place, *options)


def hotwords(path: Path, place: Place) -> Seen:
    return asked(path, place, "--lm", "{out}/characters.lm", "--hotwords", "{path}")


def word_list(path: Path, place: Place) -> Seen:
    """Words to compose sequences of, and the same as prompts of a recording."""
    from emgasr.cli.live.prompt_screen import read_prompts
    from emgasr.data.spellings import read_words

    words = read_words(path)
    expect(all(words), "holds an empty word")
    prompts = read_prompts(path)
    expect(all(prompt.strip() for prompt in prompts), "holds an empty prompt")
    return Seen(digest_of(words))


def lm_text(path: Path, place: Place) -> Seen:
    """Lines of text become n-grams of words, characters and keystrokes, in both forms, which are read again."""
    from emgasr.lm import read_model

    refused = []
    for symbols in KINDS_OF_SYMBOLS:
        for name in (f"{symbols}.arpa", f"{symbols}.lm"):
            out = place.out / name
            try:
                use_verb("lm", "build", str(path), "--symbols", symbols, "--order", "2", "--out", str(out))
            except EmgasrError as error:
                refused.append(str(error))
                continue
            with reading_again(name):
                use_ngrams(read_model(out))
    if len(refused) == 2 * len(KINDS_OF_SYMBOLS):
        raise EmgasrError(path, refused[0])
    return Seen("", tuple(refused))


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
