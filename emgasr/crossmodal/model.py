"""An aligned encoder in, its folder out, and back: what reads each layout, and what projects a teacher's embeddings.

config.yaml          teacher, gestures that were trained, the likeness below which nothing is meant
text.safetensors     the projection; the texts that were trained on, as the teacher embeds them
descriptions.yaml    what each gesture means, in words
readers/LAYOUT/      a model folder for each layout of electrodes, which reads the gestures that were trained
trained_on.jsonl     everybody whose recordings shaped the weights (`emgasr.manifests.lineage`)
README.md            the card
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.crossmodal.aligning.layouts import layout, layout_name
from emgasr.crossmodal.descriptions import Descriptions, read_descriptions, write_descriptions
from emgasr.crossmodal.teachers import text_teacher
from emgasr.crossmodal.teachers.config import TeacherConfig
from emgasr.crossmodal.teachers.contract import TextTeacher
from emgasr.errors import DataError, EmgasrError, ModelError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_yaml
from emgasr.files.weights import kinds_in, read_weights
from emgasr.models.encoders.queries import NearestHead, QueriesConfig
from emgasr.models.folder import cause, load_recognizer, save_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Signal
from emgasr.tokens import Tokens

FORMAT = 1
CONFIG_NAME, TEXT_NAME, DESCRIPTIONS_NAME = "config.yaml", "text.safetensors", "descriptions.yaml"
READERS_FOLDER, CARD_NAME = "readers", "README.md"
REST = "rest"  # the gesture that becomes the blank
_ADVICE = "copy the folder again"


@dataclass(frozen=True)
class AlignedConfig:
    """What an aligned encoder was aligned with.

    Args:
        emgasr_aligned: number of the format.
        teacher: options of the teacher.
        teacher_name: what it is called.
        teacher_checksum: of what determines its embeddings.
        gestures: those that were trained, sorted.
        texts: the texts that were trained on, of which text.safetensors holds the teacher's embeddings.
        scale: what likeness is multiplied by before it is a logit.
        floor: likeness below which nothing that is described is meant; what it was chosen by stands in the card.
        lead: likeness that is added to gestures that were not trained, since training draws every take to one that was
            (calibrated stacking, Chao et al. 2016, arXiv 1605.04253); `emgasr.crossmodal.lead` measures it.
    """

    emgasr_aligned: Annotated[int, Within(0, 1e6)] = FORMAT
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    teacher_name: str = ""
    teacher_checksum: str = ""
    gestures: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    scale: Annotated[float, Within(0.01, 1000)] = 20.0
    floor: Annotated[float, Within(-1, 1)] = 0.0
    lead: Annotated[float, Within(0, 2)] = 0.0

    def __post_init__(self) -> None:
        check_within(self)


class Embedder(Recognizer):
    """A recognizer whose emissions are embeddings (F, parts * d), each part of unit length."""

    def log_probs(self, hidden: Tensor) -> Tensor:
        """Return the embeddings (B, F, parts * d) as they are."""
        return hidden


@dataclass(frozen=True, eq=False)
class AlignedModel:
    """An aligned encoder: signals and texts in one space.

    Args:
        folder: that it was read from.
        config: what it was aligned with.
        descriptions: what its gestures mean.
        readers: a recognizer of each layout of electrodes, by the folder's name.
        projection: (d, w) from the teacher's embeddings to the common space.
        offset: (d,) added to what is projected.
        texts: (n, w) the teacher's embeddings of `config.texts`.
    """

    folder: Path
    config: AlignedConfig
    descriptions: Descriptions
    readers: Mapping[str, Recognizer]
    projection: Tensor
    offset: Tensor
    texts: Tensor

    @cached_property
    def teacher(self) -> TextTeacher:
        """The teacher; a ModelError if it is another than the one that the model was aligned with."""
        if self.config.teacher.of_signal:
            wrong = f"was aligned with {self.config.teacher.kind}, not with texts"
            raise ModelError(self.folder, wrong, "align a model with a teacher of text")
        made = text_teacher(self.config.teacher, self.config.texts)
        if made.checksum != self.config.teacher_checksum:
            wrong = f"was aligned with another teacher than {made.name}"
            raise ModelError(self.folder, wrong, f"install {self.config.teacher_name}, or align the model again")
        return made

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of what embeddings of signals and texts depend on."""
        found = hashlib.sha256()
        for path in [*sorted(self.folder.glob(f"{READERS_FOLDER}/*/*.safetensors")), self.folder / TEXT_NAME]:
            found.update(path.name.encode() + path.read_bytes())
        return found.hexdigest()

    @property
    def width(self) -> int:
        """d, of the common space."""
        return int(self.projection.shape[0])

    def reader(self, signal: Signal) -> Recognizer:
        """Return what reads signals of this layout; a ModelError if none of its readers does."""
        for reader in self.readers.values():
            if layout(reader.signal) == layout(signal):
                return reader
        known = "; ".join(_shown(reader.signal) for reader in self.readers.values())
        raise ModelError(self.folder, f"reads {known}, not {_shown(signal)}", "align a model on such recordings")

    def embedder(self, signal: Signal) -> Embedder:
        """Return what embeds signals of this layout."""
        reader = self.reader(signal)
        made = Embedder(reader.config, replace(signal, steps=reader.signal.steps), reader.tokens)
        made.load_state_dict(reader.state_dict())
        made.origin, made.template = str(self.folder), reader.template
        return made.eval()

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return texts in the common space, (n, d) of unit length; the teacher is needed for those it never saw.

        Raises:
            ConfigError: the teacher is not installed.
            ModelError: it is another one.
            DataError: it cannot embed a text.
        """
        known = {text: place for place, text in enumerate(self.config.texts)}
        unknown = [text for text in texts if text not in known]
        embeddings = {text: self.texts[known[text]] for text in texts if text in known}
        if unknown:
            embeddings |= dict(zip(unknown, torch.from_numpy(self.teacher.embed(unknown)), strict=True))
        rows = torch.stack([embeddings[text] for text in texts])
        return self.unit(rows @ self.projection.T + self.offset).numpy()

    def unit(self, rows: Tensor) -> Tensor:
        """Return rows (n, d) of the common space of unit length; see `QueriesConfig.unit`."""
        return cast(QueriesConfig, next(iter(self.readers.values())).config.encoder).unit(rows)

    def readable(self, texts: Sequence[str]) -> list[str]:
        """Return the texts that the teacher can embed: a bag of words knows no text without a word of training."""
        found = []
        for text in texts:
            with suppress(DataError):
                self.embed_texts([text])
                found.append(text)
        return found

    def embed_gestures(self, gestures: Sequence[str]) -> np.ndarray:
        """Return (n, d) unit rows: the mean of a described gesture's texts, or any other text by itself.

        Of a gesture's texts, those that the teacher cannot read are left out; a DataError if it can read none.
        """
        rows = []
        for gesture in gestures:
            concept = self.descriptions.concept_of(gesture)
            texts = self.descriptions.texts(concept) if concept in self.descriptions.concepts else (gesture,)
            try:
                found = self.embed_texts(texts).mean(0)
            except DataError:
                if not (some := self.readable(texts)):
                    raise
                found = self.embed_texts(some).mean(0)
            rows.append(found)
        return self.unit(torch.from_numpy(np.stack(rows).astype(np.float32))).numpy()

    def leads(self, gestures: Sequence[str]) -> np.ndarray:
        """Return what is added to the likeness of each gesture (n,): `config.lead` where it was not trained."""
        trained = set(self.config.gestures)
        unseen = [self.descriptions.concept_of(gesture) not in trained for gesture in gestures]
        return np.where(unseen, self.config.lead, 0.0).astype(np.float32)

    def with_labels(self, labels: Sequence[str], signal: Signal) -> Recognizer:
        """Return a recognizer that reads labels given as words: those described, or any text that the teacher embeds.

        Those that mean rest become the blank, as does what is like none of them.

        Raises:
            DataError: no label, one twice, or two of one meaning.
        """
        reader = self.reader(signal)
        names, gallery = self._gallery(labels)
        made = Recognizer(reader.config, reader.signal, Tokens.words(names))
        weights = {name: value for name, value in reader.state_dict().items() if not name.startswith("head.")}
        made.load_state_dict(weights, strict=False)
        order = [1 + names.index(symbol) for symbol in made.tokens.symbols_of(range(1, len(made.tokens)))]
        leads = np.concatenate([np.zeros(1, np.float32), self.leads(names)])
        put_gallery(made, gallery[[0, *order]], self.config.scale, self.config.floor, leads[[0, *order]])
        made.origin, made.template = str(self.folder), reader.template
        return made.eval()

    def _gallery(self, labels: Sequence[str]) -> tuple[list[str], np.ndarray]:
        """Return the labels that are no rest, and rest's embedding (zero where none was trained) and theirs below."""
        concepts = [self.descriptions.concept_of(label) for label in labels]
        for place, concept in enumerate(concepts):
            if concept in concepts[:place]:
                same = labels[concepts.index(concept)]
                raise DataError("labels", f"{same!r} and {labels[place]!r} are the same", "name each gesture once")
        names = [label for label, concept in zip(labels, concepts, strict=True) if concept != REST]
        if not names:
            raise DataError("labels", "there is none but rest", "name gestures, separated by commas")
        rest = np.zeros((1, self.width), np.float32)
        if REST in self.config.gestures:
            rest = self.embed_gestures([REST])
        return names, np.concatenate([rest, self.embed_gestures(names)])


def put_gallery(
    recognizer: Recognizer, gallery: np.ndarray, scale: float, floor: float, leads: np.ndarray | None = None
) -> None:
    """Let a recognizer read by likeness to a gallery (V, d), that of the blank first, zero where it has none.

    `leads` (V,) are added to the likeness of each label; None: nothing is.
    """
    head = cast(NearestHead, recognizer.head)
    with torch.no_grad():
        head.weight.copy_(scale * torch.from_numpy(gallery))
        head.floor.fill_(scale * floor)
        head.lead.copy_(torch.zeros_like(head.lead) if leads is None else scale * torch.from_numpy(leads))


def save_aligned(
    config: AlignedConfig,
    descriptions: Descriptions,
    readers: Sequence[Recognizer],
    projection: Tensor,
    offset: Tensor,
    texts: np.ndarray,
    folder: Path,
    card: str,
) -> None:
    """Write the folder; config.yaml comes last: a folder without it is refused as unfinished."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_NAME).unlink(missing_ok=True)
    weights = {"projection": projection, "offset": offset}
    arrays = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    arrays["texts"] = torch.from_numpy(texts)
    for reader in readers:
        save_recognizer(reader, _made(folder / READERS_FOLDER / layout_name(reader.signal)), card)
    with replacing(folder / TEXT_NAME) as path:
        path.write_bytes(save(arrays))
    if descriptions.concepts:
        write_descriptions(descriptions, folder / DESCRIPTIONS_NAME)
    with replacing(folder / CARD_NAME) as path:
        path.write_text(card, encoding="utf-8")
    write_yaml(to_mapping(config), folder / CONFIG_NAME)


def is_aligned(folder: Path) -> bool:
    """Return whether a folder holds an aligned encoder."""
    return (folder / TEXT_NAME).is_file() and (folder / READERS_FOLDER).is_dir()


def load_aligned(folder: str | Path) -> AlignedModel:
    """Read a folder; a ModelError if it is missing, damaged, unfinished or of another format."""
    folder = Path(folder)
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise ModelError(folder, "is no aligned encoder (no config.yaml)", "give a folder of `emgasr align`")
    content: Any = read_yaml(path, ModelError, _ADVICE)
    if not isinstance(content, dict) or content.get("emgasr_aligned") != FORMAT:
        raise ModelError(path, f"is no aligned encoder of format {FORMAT}", "give a folder of `emgasr align`")
    try:
        config = from_mapping(AlignedConfig, {}, content, path)
        described = (folder / DESCRIPTIONS_NAME).exists() or not config.teacher.of_signal
        descriptions = read_descriptions(folder / DESCRIPTIONS_NAME) if described else Descriptions({}, {})
    except EmgasrError as error:
        raise ModelError(path, cause(error), "was it made by a newer emgasr?") from error
    readers = {
        place.name: load_recognizer(place) for place in sorted((folder / READERS_FOLDER).iterdir()) if place.is_dir()
    }
    if not readers or any(not isinstance(one.head, NearestHead) for one in readers.values()):
        raise ModelError(folder / READERS_FOLDER, "holds no readers of an aligned encoder", _ADVICE)
    width = {one.config.encoder.part_width for one in readers.values() if isinstance(one.config.encoder, QueriesConfig)}
    file = folder / TEXT_NAME
    kinds = kinds_in(file)
    sizes = {name: kind.shape for name, kind in kinds.items()}
    wide = sizes.get("projection", (0, 0))[-1]
    wanted = {"projection": (*width, wide), "offset": (*width,), "texts": (len(config.texts), wide)}
    if len(width) != 1 or sizes != wanted:
        raise ModelError(file, "does not belong to the readers and the texts of config.yaml", _ADVICE)
    arrays = read_weights(file)
    return AlignedModel(
        folder, config, descriptions, readers, *(arrays[name].float() for name in ("projection", "offset", "texts"))
    )


def _shown(signal: Signal) -> str:
    count = " + ".join(str(len(band.electrodes)) for band in signal.bands)
    return f"{count} electrodes at {signal.rate_hz:g} Hz in {signal.unit}"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
