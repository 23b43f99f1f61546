"""A label in; the kind of span that it becomes out: one rule for every reader.

| kind | what it says of its stretch of signal |
| --- | --- |
| gesture | one label was performed once: a gesture, a sign, a command |
| utterance | words or letters were said, mouthed, signed or written; its text is spelled by the model's symbols |
| rest | nothing was meant |
| prompt | a text was asked for; key events say what was typed |

A reader gives all labels of a corpus one kind, and those that mark rest the kind "rest".
"""

from __future__ import annotations

from collections.abc import Sequence

from emgasr.recording import SPAN_KINDS

REST = ("rest", "silence", "pause")  # labels that mark rest unless others are given, in any case
LABELLED = tuple(kind for kind in SPAN_KINDS if kind != "prompt")  # kinds of spans that hold one label each, rest too
MEANT = tuple(kind for kind in SPAN_KINDS if kind != "rest")  # kinds that a reader can give to labels


def kind_of(label: str, kind: str, rest: Sequence[str] = REST) -> str:
    """Return "rest" for a label that is among `rest`, in any case of letters, and `kind` for the others."""
    nothing = {name.strip().casefold() for name in rest}
    return "rest" if label.strip().casefold() in nothing else kind


def marks_rest(label: str) -> bool:
    """Return whether a label is one of the usual names of rest, in any case of letters."""
    return label.strip().casefold() in REST


def rest_option(rest: Sequence[str]) -> dict[str, object]:
    """Return the option that an entry of a manifest keeps of `rest`: none where it is the usual."""
    return {} if tuple(rest) == REST else {"rest": list(rest)}
