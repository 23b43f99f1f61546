"""Sentences in, ln p of their symbols out: a neural language model with its vocabulary, on lines, streams and lists."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from emgasr.errors import LanguageModelError
from emgasr.lm.neural.network import Network, State
from emgasr.lm.neural.symbols import Vocabulary
from emgasr.lm.ngram import BEGIN_ID, END_ID, UNKNOWN_ID
from emgasr.lm.perplexity import TextScore, blocks

_TOGETHER = 1 << 14  # symbols of sentences that are read together
_PART = 512  # symbols of a long sentence that are read at a time


class NeuralLM:
    """A network and its vocabulary: ln p of symbols, each sentence from <s> to </s>.

    Args:
        network: the network; it is set to evaluate.
        vocabulary: its symbols, in the order of its ids.
        name: for people.
    """

    def __init__(self, network: Network, vocabulary: Vocabulary, name: str = "neural language model") -> None:
        self.network = network.eval()
        self.vocabulary = vocabulary
        self.name = name

    @cached_property
    def checksum(self) -> str:
        """SHA-256 (hexadecimal) of the symbols, the shape and the weights."""
        found = hashlib.sha256(repr((self.vocabulary.kind, self.vocabulary.symbols, self.network.config)).encode())
        for name, value in sorted(self.network.state_dict().items()):
            found.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        return found.hexdigest()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.bias.device

    @torch.inference_mode()
    def start(self) -> State:
        """Return the state behind <s>, with which a stream begins."""
        return self.step(self.network.start(1), BEGIN_ID)[1]

    @torch.inference_mode()
    def step(self, state: State, symbol: int) -> tuple[np.ndarray, State]:
        """Read one symbol; return ln p (V,) of what follows it, and the state."""
        scores, state = self.network(torch.tensor([[symbol]], device=self.device), state)
        return self._ln(scores[0, 0]).cpu().numpy(), state

    def symbol_scores(self, sentences: Sequence[Sequence[str]]) -> np.ndarray:
        """Return ln p of each symbol of sentences one after another, </s> behind each: float64, as n-gram models do."""
        ids = [self.vocabulary.ids(sentence) for sentence in sentences]
        found: list[np.ndarray] = [np.zeros(0)] * len(ids)
        order = sorted(range(len(ids)), key=lambda place: -len(ids[place]))
        while order:
            longest = len(ids[order[0]]) + 1
            count = max(1, _TOGETHER // longest)
            chosen, order = order[:count], order[count:]
            for place, scores in zip(chosen, self._lines([ids[one] for one in chosen]), strict=True):
                found[place] = scores
        return np.concatenate([np.zeros(0), *found])

    def score_text(self, sentences: Iterable[Sequence[str]]) -> TextScore:
        """Score sentences, each from <s> to </s>, however many."""
        count, symbols, characters, ln_p, ln_p_unknown = 0, 0, 0, 0.0, 0.0
        unknown: Counter[str] = Counter()
        for block in blocks(sentences, 16 * _TOGETHER):
            scores = self.symbol_scores(block)
            ids = np.array([one for sentence in block for one in (*self.vocabulary.ids(sentence), END_ID)])
            count, symbols = count + len(block), symbols + len(ids) - len(block)
            characters += sum(map(self.vocabulary.characters, block))
            ln_p, ln_p_unknown = ln_p + float(scores.sum()), ln_p_unknown + float(scores[ids == UNKNOWN_ID].sum())
            if (ids == UNKNOWN_ID).any():
                known = set(self.vocabulary.symbols)
                unknown.update(symbol for sentence in block for symbol in sentence if symbol not in known)
        return TextScore(count, symbols, ln_p, ln_p_unknown, unknown, characters)

    def score_texts(self, texts: Sequence[str], context: str = "") -> np.ndarray:
        """Return ln p (n,) of texts that may stand behind `context`, the end of each included."""
        return np.array([scores.sum() for scores in self.score_list(texts, context)])

    @torch.inference_mode()
    def score_list(self, texts: Sequence[str], context: str = "") -> list[np.ndarray]:
        """Return ln p of each symbol of texts that may stand behind `context`, and of </s> behind each.

        Texts that begin alike are read once: they are branches of one tree, whose trunk is the context. Of the context
        the latest symbols count, as many as the network's history, as if the page began there. Symbols of more than one
        character are cut within each text alone.

        Raises:
            LanguageModelError: The scores are not numbers.
        """
        before = self.vocabulary.ids(self.vocabulary.split(context)) if context else []
        lines = [self.vocabulary.ids(self.vocabulary.split(text)) for text in texts]
        symbols, parents, paths = _tree([BEGIN_ID, *before[-self.network.config.history :]], lines)
        scores = self._ln(self.network.tree(torch.tensor(symbols, device=self.device), parents)).cpu().numpy()
        found = [scores[path, [*line, END_ID]].astype(np.float64) for path, line in zip(paths, lines, strict=True)]
        if not all(np.isfinite(each).all() for each in found):
            raise LanguageModelError(self.name, "gives scores that are no numbers", "train it again")
        return found

    @torch.inference_mode()
    def _lines(self, lines: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """ln p of each id of lines and of </s> behind; the longest line comes first."""
        width = len(lines[0]) + 1
        read = torch.full((len(lines), width), END_ID)  # what stands behind a line's end counts nowhere
        read[:, 0] = BEGIN_ID
        for row, line in enumerate(lines):
            read[row, 1 : len(line) + 1] = torch.tensor(line, dtype=torch.long)
        wanted = torch.cat([read[:, 1:], torch.full((len(lines), 1), END_ID)], 1)
        state, parts = self.network.start(len(lines)), []
        for first in range(0, width, _PART):
            scores, state = self.network(read[:, first : first + _PART].to(self.device), state)
            target = wanted[:, first : first + _PART, None].to(self.device)
            parts.append((scores.gather(2, target)[..., 0] - scores.logsumexp(2)).cpu())
        scores = torch.cat(parts, 1).double().numpy()
        if not np.isfinite(scores).all():
            raise LanguageModelError(self.name, "gives scores that are no numbers", "train it again")
        return [scores[row, : len(line) + 1] for row, line in enumerate(lines)]

    def _ln(self, scores: Tensor) -> Tensor:
        return torch.log_softmax(scores.float(), -1)


def _tree(trunk: Sequence[int], lines: Sequence[Sequence[int]]) -> tuple[list[int], list[int], list[list[int]]]:
    """Symbols and parents of a tree of lines behind a trunk, by depth; and of each line the nodes before its symbols.

    A line of n symbols has n + 1 nodes: the last comes before its end.
    """
    symbols, parents = list(trunk), [*range(-1, len(trunk) - 1)]
    paths = [[len(trunk) - 1] for _ in lines]
    for depth in range(max(map(len, lines), default=0)):
        children: dict[tuple[int, int], int] = {}
        for line, path in zip(lines, paths, strict=True):
            if depth < len(line):
                child = (path[-1], line[depth])
                if child not in children:
                    children[child] = len(symbols)
                    symbols.append(line[depth])
                    parents.append(path[-1])
                path.append(children[child])
    return symbols, parents, paths
