"""Text or raw keys in, token ids out, and back to text: keystrokes, characters, words or sentencepiece, blank first."""

from __future__ import annotations

import io
import string
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from emgasr.errors import DataError, ModelError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_json
from emgasr.files.plain_text import normalized
from emgasr.files.regular_file import read_bytes
from emgasr.typed_signs import ascii_key

LARGEST_TOKENS, LARGEST_PIECES = 2**22, 2**26  # bytes of tokens.json and of a sentencepiece model
BLANK = "<blank>"
BACKSPACE = "⌫"
ENTER = "⏎"
SPACE = " "
SHIFT = "⇧"

# The 98 keys in the published order of emg2qwerty (facts: a–z, A–Z, 0–9, punctuation, backspace, enter, space, shift).
PUBLISHED_KEYS = (
    *string.ascii_lowercase,
    *string.ascii_uppercase,
    *string.digits,
    *string.punctuation,
    BACKSPACE,
    ENTER,
    SPACE,
    SHIFT,
)
PUBLISHED_BLANK = len(PUBLISHED_KEYS)  # the published set puts the blank last

# Names that pynput and control characters give to the keys above; other named keys (tab, ctrl, arrows, and Key.shift_l
# and _r, which the published code drops) are no tokens.
_NAMED_KEYS = {
    "Key.backspace": BACKSPACE,
    "Key.enter": ENTER,
    "Key.space": SPACE,
    "Key.shift": SHIFT,
    "\n": ENTER,
    "\r": ENTER,
    "\b": BACKSPACE,
}
_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′ʼ´", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "…": "...",
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ı": "i",
    }
)


class Tokens:
    """A symbol set whose id 0 is the CTC blank; `kind` is keystrokes, characters, words or sentencepiece."""

    def __init__(self, kind: str, symbols: Iterable[str], model: bytes = b"") -> None:
        """Take the symbols without the blank, in id order; `model` is the sentencepiece model's bytes, if it is one.

        Symbols are kept in their composed form (see `emgasr.files.plain_text.normalized`): two forms of one are one.
        """
        self.kind = kind
        self.symbols: tuple[str, ...] = (BLANK, *map(normalized, symbols))
        self._model = model
        self._ids = {symbol: index for index, symbol in enumerate(self.symbols)}
        if len(self.symbols) < 2:
            raise DataError("tokens", "no symbols were given", "name at least one")
        if len(self._ids) < len(self.symbols) or "" in self._ids:
            raise DataError("tokens", "symbols are empty or repeated", "give each symbol once")

    @classmethod
    def keystrokes(cls, keep: Iterable[str] | None = None) -> Tokens:
        """Return the 98 published keys, or those of them in `keep` (raw names allowed), in the published order."""
        if keep is None:
            return cls("keystrokes", PUBLISHED_KEYS)
        wanted = {_NAMED_KEYS.get(key, normalized(key)) for key in keep}
        if unknown := sorted(wanted - set(PUBLISHED_KEYS)):
            raise DataError("tokens", f"not among the 98 published keys: {unknown}", "use characters(...) instead")
        return cls("keystrokes", (key for key in PUBLISHED_KEYS if key in wanted))

    @classmethod
    def characters(cls, alphabet: Iterable[str]) -> Tokens:
        """Return one token a character of `alphabet`, in its order."""
        return cls("characters", normalized(alphabet) if isinstance(alphabet, str) else alphabet)

    @classmethod
    def words(cls, labels: Iterable[str]) -> Tokens:
        """Return one token a label (gestures, commands, whole words), rendered with spaces between."""
        return cls("words", labels)

    @classmethod
    def sentencepiece(cls, model_path: str | Path) -> Tokens:
        """Return the pieces of a sentencepiece model file (see `train_sentencepiece`); control pieces are left out."""
        advice = "give a sentencepiece .model"
        try:
            return cls._from_sentencepiece(read_bytes(model_path, ModelError, advice, LARGEST_PIECES))
        except (RuntimeError, DataError, UnicodeDecodeError) as error:
            raise ModelError(model_path, "is not a sentencepiece model", advice) from error

    @classmethod
    def _from_sentencepiece(cls, model: bytes) -> Tokens:
        processor = _load_processor(model)
        kept = (
            i for i in range(processor.get_piece_size()) if not (processor.is_control(i) or processor.is_unknown(i))
        )
        return cls("sentencepiece", (processor.id_to_piece(i) for i in kept), model)

    def __len__(self) -> int:
        return len(self.symbols)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokens) and (self.kind, self.symbols) == (other.kind, other.symbols)

    def __hash__(self) -> int:
        return hash((self.kind, self.symbols))

    def __repr__(self) -> str:
        return f"Tokens({self.kind!r}, {len(self)} symbols)"

    @property
    def noun(self) -> str:
        """What one symbol is called: "key", "word", "token" (of sentencepiece), "letter" or "character".

        Characters are letters where the set holds no space: nothing that is written with it has several words.
        """
        if self.kind == "characters":
            return "character" if SPACE in self._ids else "letter"
        return {"keystrokes": "key", "words": "word", "sentencepiece": "token"}[self.kind]

    @property
    def backspace_id(self) -> int | None:
        """The id of the key that deletes the printed symbol before it, or None."""
        return self._ids.get(BACKSPACE)

    @cached_property
    def published_ids(self) -> tuple[int, ...]:
        """For each id its id in the published 98-key set (blank: 98); the compact subset loses nothing by it."""
        if self.kind != "keystrokes":
            raise DataError("tokens", f"{self.kind} have no published ids", "only keystrokes do")
        return (PUBLISHED_BLANK, *(PUBLISHED_KEYS.index(symbol) for symbol in self.symbols[1:]))

    def printing(self, token: int) -> bool:
        """Return whether the token puts something on the page (enter and space do; blank, backspace, shift do not)."""
        return token != 0 and self.symbols[token] not in (BACKSPACE, SHIFT)

    def ids(self, symbols: Iterable[str]) -> list[int]:
        """Return the ids of symbols, composed or decomposed; DataError names the first that is unknown."""
        ids = []
        for symbol in map(normalized, symbols):
            if symbol not in self._ids or symbol == BLANK:
                raise DataError(
                    "tokens", f"{symbol!r} is not among the {len(self) - 1} {self.kind}", "check the labels"
                )
            ids.append(self._ids[symbol])
        return ids

    def symbols_of(self, ids: Iterable[int]) -> list[str]:
        """Return the symbol of each id."""
        return [self.symbols[index] for index in ids]

    def encode_text(self, text: str) -> list[int]:
        """Return the ids that write `text`; typographic signs and accents fall back to ASCII, else DataError.

        A text's composed and decomposed forms (é as one character or two) give the same ids.
        """
        text = normalized(text)
        if self.kind == "words":
            return self.ids([text] if text in self._ids else text.split())  # a label may hold a space
        if self.kind == "sentencepiece":
            return self.ids(self.pieces_of(text))
        return self.ids(symbol for character in text for symbol in self._known_forms(character))

    def pieces_of(self, text: str) -> list[str]:
        """Return the sentencepiece pieces of a text; signs that no piece holds stay as they are, and have no id."""
        found: list[str] = self._processor.encode(normalized(text), out_type=str)
        return found

    def _known_forms(self, character: str) -> str:
        """Return the character as it is, its named key, its parts or its ASCII form, whichever the set holds first."""
        parts = "" if character.isascii() else unicodedata.normalize("NFD", character)
        for form in (character, _NAMED_KEYS.get(character, ""), parts, to_ascii(character)):
            if form and all(symbol in self._ids for symbol in form):
                return form
        return character

    def encode_keys(self, keys: Sequence[str]) -> tuple[list[int], list[int]]:
        """Return ids and positions of the raw key names ("a", "Key.backspace", "’") that are tokens; drop the others.

        A character that is no token counts as the ASCII key that emg2qwerty's code makes of it (`typed_signs`).
        """
        ids: list[int] = []
        positions: list[int] = []
        for position, key in enumerate(map(normalized, keys)):
            symbol = key if key in self._ids else _NAMED_KEYS.get(key) or ascii_key(key)
            if symbol in self._ids and symbol != BLANK:
                ids.append(self._ids[symbol])
                positions.append(position)
        return ids, positions

    def left_on_page(self, ids: Iterable[int]) -> list[int]:
        """Return the places of the tokens whose print is left on the page when all are typed: backspaces applied."""
        page: list[int] = []
        for place, index in enumerate(ids):
            if self.printing(index):
                page.append(place)
            elif index == self.backspace_id and page:
                page.pop()
        return page

    def render(self, ids: Iterable[int]) -> str:
        """Return the text that the tokens leave: backspaces applied, enter a new line, shift and blank dropped."""
        ids = list(ids)
        symbols = [self.symbols[ids[place]] for place in self.left_on_page(ids)]
        page = ["\n" if symbol == ENTER else symbol for symbol in symbols]
        if self.kind == "sentencepiece":
            return normalized(str(self._processor.decode_pieces(page)))
        return normalized((" " if self.kind == "words" else "").join(page))

    def save(self, folder: str | Path) -> None:
        """Write tokens.json (or tokens.model for sentencepiece) into the folder."""
        if self.kind == "sentencepiece":
            with replacing(Path(folder) / "tokens.model") as path:
                path.write_bytes(self._model)
            return
        with replacing(Path(folder) / "tokens.json") as path:
            content = {"kind": self.kind, "symbols": self.symbols}
            path.write_text(as_json(content, indent=1) + "\n", encoding="utf-8")

    @cached_property
    def _processor(self) -> Any:
        return _load_processor(self._model)


def load_tokens(folder: str | Path) -> Tokens:
    """Read what `Tokens.save` wrote; ModelError if it is missing or damaged."""
    if (Path(folder) / "tokens.model").exists():
        return Tokens.sentencepiece(Path(folder) / "tokens.model")
    path, advice = Path(folder) / "tokens.json", "restore the file from the model's source"
    content = read_json(path, ModelError, advice, LARGEST_TOKENS)
    try:
        kind, symbols = content["kind"], content["symbols"]
        if kind not in ("keystrokes", "characters", "words") or symbols[0] != BLANK or set(map(type, symbols)) != {str}:
            raise ValueError("not a symbol set with the blank first")
        return Tokens(kind, symbols[1:])
    except DataError as error:
        raise ModelError(path, f"holds no tokens ({error.wrong})", advice) from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ModelError(path, f"holds no tokens ({str(error)[:80]})", advice) from error


def train_sentencepiece(texts: Iterable[str], vocabulary: int, path: str | Path) -> None:
    """Train a unigram sentencepiece model of about `vocabulary` pieces on the texts and write it to `path`."""
    import sentencepiece

    texts = [normalized(text) for text in texts if text.strip()]
    if not texts:
        raise DataError("sentencepiece", "there is no text to train on", "give at least one line")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            vocab_size=vocabulary,
            model_type="unigram",
            character_coverage=1.0,
            hard_vocab_limit=False,  # short texts hold fewer pieces than asked for
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise DataError(
            "sentencepiece", f"cannot train {vocabulary} pieces ({error})", "ask for more pieces"
        ) from error
    with replacing(path) as temporary:
        temporary.write_bytes(model.getvalue())


def to_ascii(text: str) -> str:
    """Return the text with typographic quotes, dashes, accents and ligatures in plain ASCII; the rest is kept."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_TYPOGRAPHY))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _load_processor(model: bytes) -> Any:
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_proto=model)
