"""An n-best list in, the same in a new order out: scores of language models that see a segment whole, weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from emgasr.config.bounds import Within, check_within
from emgasr.decoding import Hypothesis
from emgasr.errors import EmgasrError, LanguageModelError
from emgasr.rescoring.contract import Scorer, Segment
from emgasr.tokens import Tokens

NO_GATE = 1e6  # nats
KEPT_TOKENS = 256  # before a segment, which its backspaces and its context may reach


@dataclass(frozen=True)
class SecondPassConfig:
    """How a segment is cut and looked at again.

    The score of a hypothesis is that of the search, with `ngram_weight` in place of its weight of ln p_LM, plus the
    weight of each scorer times its ln p of the rendered text, plus `character_bonus` for each of the text's characters.

    Args:
        n_best: hypotheses of a segment that are looked at, 1 to 1,000.
        gate_nats: margin of the search's best hypothesis over the next one from which on nothing is looked at again.
        ngram_weight: weight of the search's own language model; None: as in the search.
        character_bonus: nats for each character of the text.
        context_lines: finished lines before the current one that scorers see as context.
        pause_s: seconds without a key that end a segment.
        settle_s: seconds behind an enter after which its line is a segment.
        longest_s: seconds after which a segment ends, whatever is typed.
    """

    n_best: Annotated[int, Within(1, 1000)] = 20
    gate_nats: Annotated[float, Within(0, NO_GATE)] = NO_GATE
    ngram_weight: Annotated[float, Within(-100, 100)] | None = None
    character_bonus: Annotated[float, Within(-100, 100)] = 0.0
    context_lines: Annotated[int, Within(0, 100)] = 1
    pause_s: Annotated[float, Within(0.05, 3600)] = 1.0
    settle_s: Annotated[float, Within(0.01, 60)] = 0.3
    longest_s: Annotated[float, Within(0.5, 3600)] = 12.0

    def __post_init__(self) -> None:
        check_within(self, "second pass")


@dataclass(frozen=True, eq=False)
class SecondLook:
    """What a second look at a segment comes to.

    Args:
        hypotheses: in their new order, with their new scores; of a gated or failed segment as they were.
        gated: whether the search was sure enough, or there was nothing to choose from.
        failure: what failed, in a line; None: nothing.
    """

    hypotheses: tuple[Hypothesis, ...]
    gated: bool = False
    failure: str | None = None


class SecondPass:
    """Scorers with their weights.

    Args:
        scorers: what scores texts.
        weights: of each scorer's ln p.
        config: how.
        lm_weight: weight of ln p_LM in the search whose hypotheses come.
        fallback: whether a failure keeps the first pass and is reported, instead of being raised.
    """

    def __init__(
        self,
        scorers: Sequence[Scorer],
        weights: Sequence[float],
        config: SecondPassConfig | None = None,
        lm_weight: float = 1.0,
        fallback: bool = False,
    ) -> None:
        if len(scorers) != len(weights):
            raise LanguageModelError(
                "second pass", f"{len(scorers)} scorers have {len(weights)} weights", "give each one"
            )
        self.scorers, self.weights = tuple(scorers), tuple(weights)
        self.config, self.lm_weight, self.fallback = config or SecondPassConfig(), lm_weight, fallback

    def falling_back(self) -> SecondPass:
        """Return the same that keeps the first pass where a scorer fails."""
        return SecondPass(self.scorers, self.weights, self.config, self.lm_weight, fallback=True)

    @property
    def described(self) -> str:
        """The scorers with their weights and how they are used, in a line for people."""
        parts = [f"{s.kind} {s.name} (weight {w:g})" for s, w in zip(self.scorers, self.weights, strict=True)]
        config = self.config
        ngram = "" if config.ngram_weight is None else f", n-gram weight {config.ngram_weight:g}"
        gate = "" if config.gate_nats >= NO_GATE else f", none from a margin of {config.gate_nats:g} nats"
        bonus = f", character bonus {config.character_bonus:g}" if config.character_bonus else ""
        return f"{', '.join(parts)}{ngram}{bonus}, best {config.n_best}{gate}"

    @property
    def memory_bytes(self) -> int:
        """Bytes of the scorers' weights."""
        return sum(scorer.memory_bytes for scorer in self.scorers)

    def whole(
        self,
        hypotheses: Sequence[Hypothesis],
        tokens: Tokens,
        before: Sequence[int] = (),
        hidden: np.ndarray | None = None,
    ) -> SecondLook:
        """Look again at the hypotheses of a segment, best first; `before` are the tokens in front of it.

        Raises:
            EmgasrError: A scorer fails, and nothing is to fall back on.
        """
        texts, context = rendered([each.ids for each in hypotheses], tokens, before, self.config.context_lines)
        if self.sure(hypotheses) or len(set(texts)) < 2:
            return SecondLook(tuple(hypotheses), gated=True)
        try:
            scores = self.scores(texts, context, hidden)
        except EmgasrError as error:
            if not self.fallback:
                raise
            return SecondLook(tuple(hypotheses), failure=str(error))
        new = self.combined(hypotheses, texts, scores)
        order = np.argsort(-new, kind="stable").tolist()  # equals keep the order of the search
        return SecondLook(tuple(replace(hypotheses[place], score=float(new[place])) for place in order))

    def sure(self, hypotheses: Sequence[Hypothesis]) -> bool:
        """Return whether the search's best hypothesis leads by the margin from which on nothing is looked at again."""
        return len(hypotheses) < 2 or hypotheses[0].score - hypotheses[1].score >= self.config.gate_nats

    def scores(self, texts: Sequence[str], context: str, hidden: np.ndarray | None = None) -> np.ndarray:
        """Return ln p (scorers, n) of texts, each different one scored once.

        Raises:
            LanguageModelError: A scorer fails, lacks memory, or gives scores that are no numbers.
        """
        distinct = list(dict.fromkeys(texts))
        places = [distinct.index(text) for text in texts]
        found = np.zeros((len(self.scorers), len(texts)))
        for row, scorer in zip(found, self.scorers, strict=True):
            try:
                (scored,) = scorer.score([Segment(distinct, context, hidden)])
            except (MemoryError, RuntimeError) as error:  # as PyTorch reports that memory is used up
                lacking = isinstance(error, MemoryError) or "memory" in str(error)
                wrong = "runs out of memory" if lacking else f"fails ({str(error).splitlines()[0][:120]})"
                advice = "lower n_best, or use a smaller model" if lacking else "use another model"
                raise LanguageModelError(scorer.name, wrong, advice) from error
            if scored.shape != (len(distinct),) or not np.isfinite(scored).all():
                raise LanguageModelError(scorer.name, "gives scores that are no numbers", "use another model")
            row[:] = scored[places]
        return found

    def combined(self, hypotheses: Sequence[Hypothesis], texts: Sequence[str], scores: np.ndarray) -> np.ndarray:
        """Return the new score (n,) of each hypothesis, given ln p (scorers, n) of its text."""
        first = np.array([each.score for each in hypotheses])
        if self.config.ngram_weight is not None:
            first = first + (self.config.ngram_weight - self.lm_weight) * np.array([each.lm for each in hypotheses])
        bonus = self.config.character_bonus * np.array([len(text) for text in texts])
        new: np.ndarray = first + np.asarray(self.weights) @ scores + bonus
        return new


def rendered(
    ids: Sequence[Sequence[int]], tokens: Tokens, before: Sequence[int], context_lines: int
) -> tuple[list[str], str]:
    """Return the text that each sequence of tokens leaves behind those `before`, and the context that all share.

    A backspace may reach into what stands before: then the context ends there, and the texts begin there.
    """
    kept = list(before)[-KEPT_TOKENS:]
    page = tokens.render(kept)
    joint = " " if tokens.kind == "words" and page and not page.endswith("\n") else ""
    pages = [tokens.render([*kept, *each]) for each in ids]
    page += joint
    first = min((_alike(page, each) for each in pages), default=len(page))
    lines = page[:first].split("\n")
    return [each[first:] for each in pages], "\n".join(lines[max(0, len(lines) - 1 - context_lines) :])


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return place
    return min(len(one), len(other))
