"""A tiny aligned model that nobody trained: random weights, a teacher of words, layouts of armbands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch import nn

from emgasr.crossmodal.descriptions import Description, Descriptions
from emgasr.crossmodal.model import AlignedConfig, save_aligned
from emgasr.crossmodal.teachers import text_teacher
from emgasr.crossmodal.teachers.config import TeacherConfig
from emgasr.frontend.features import SharedAxisConfig
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models.conformer import ConformerConfig
from emgasr.models.encoders.queries import QueriesConfig, QueriesEncoder
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.recording import Signal
from emgasr.tokens import Tokens
from tests.helpers.armbands import recording

WORDS = {
    "fist": ("all fingers are curled", "the fingers are closed", "fist"),
    "wrist_flexion": ("the wrist bends towards the palm", "flexion"),
    "spread": ("the fingers are spread", "all fingers are straight"),
    "rest": ("the hand rests",),
}
DESCRIPTIONS = Descriptions(
    {
        name: (*(Description(text, "fingers") for text in texts), Description(f"held out for {name}", "use", True))
        for name, texts in WORDS.items()
    },
    {"flexion": "wrist_flexion"},
)
QUERIES, WIDTH = 3, 8
CONFORMER = ConformerConfig(
    width=16, blocks=1, heads=2, kernel=3, mixing="any", mixer_channels=4, intermediate_block=0, dropout=0.0
)


def write_aligned(
    folder: Path,
    corpora: tuple[str, ...] = ("myo", "bar"),
    seed: int = 0,
    trained: tuple[str, ...] = ("fist", "rest", "spread", "wrist_flexion"),
    teacher: TeacherConfig | None = None,
) -> Path:
    """Write the folder of an aligned model that reads the layouts of corpora."""
    torch.manual_seed(seed)
    teacher = teacher or TeacherConfig("bag_of_words")
    texts = tuple(text for gesture in trained for text in WORDS[gesture])
    made = text_teacher(teacher, texts)
    encoder = QueriesConfig("queries", replace(CONFORMER), QUERIES, WIDTH, 1, 2, 4, 0.0)
    config = RecognizerConfig(SharedAxisConfig(), NormalizeConfig("adaptive", prior_s=1.0), encoder, head="nearest")
    readers = []
    for corpus in corpora:
        names = [name for name in trained if name != "rest"]
        readers.append(Recognizer(config, Signal.of(recording(corpus, "z")), Tokens.words(names)))
        if len(readers) == 1:
            _center(readers[0], corpus)
        if len(readers) > 1:
            shared = {name: value for name, value in readers[0].state_dict().items() if name.startswith("encoder.")}
            own = readers[-1].state_dict()
            fitting = {name: value for name, value in shared.items() if own[name].shape == value.shape}
            readers[-1].load_state_dict(fitting, strict=False)
    # A floor that nothing lies below: a random model likes nothing.
    described = AlignedConfig(1, teacher, made.name, made.checksum, trained, texts, 20.0, -0.9)
    projection = nn.Linear(made.width, WIDTH)
    save_aligned(
        described,
        DESCRIPTIONS,
        readers,
        projection.weight,
        projection.bias,
        made.embed(texts),
        folder,
        "# A tiny aligned model\n",
    )
    return folder


def _center(recognizer: Recognizer, corpus: str) -> None:
    """Take off what all embeddings have in common, so that they point anywhere."""
    found: list[torch.Tensor] = []
    project = cast(QueriesEncoder, recognizer.encoder).project
    hook = project.register_forward_hook(lambda module, given, made: found.append(made.flatten(0, -2)))
    recognizer.emissions(recording(corpus, "z"))
    hook.remove()
    with torch.no_grad():
        project.bias -= torch.cat(found).mean(0)
