"""Batches of takes and what their labels are called in; the losses that draw takes and texts together, out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.crossmodal.aligning.losses import cluster_affinities, info_nce, similarity, soft_targets, symmetric
from emgasr.crossmodal.aligning.reconstruction import Reconstruction
from emgasr.crossmodal.config import LossConfig
from emgasr.data.augment import Augment
from emgasr.data.batches import Batch
from emgasr.errors import ConfigError
from emgasr.models.encoders.queries import QueriesEncoder, fitted_layer
from emgasr.models.recognizer import Recognizer
from emgasr.pretraining.readers import Readers
from emgasr.state import join, part
from emgasr.training.contracts import Objective
from emgasr.training.session_start import SessionStart

FIRST_PLACE = 3  # frames that a take lasts at least before it is embedded, where it lasts as long


class Aligned(nn.Module):
    """A recognizer for each layout, the encoder of all, and the projection of the teacher's embeddings beside them.

    Attributes:
        regressed: what the linear map of `QueriesConfig.regressed` is fitted to, of the teacher's embeddings.
    """

    def __init__(self, readers: Readers, texts: np.ndarray, temperature: float) -> None:
        super().__init__()
        self.readers = readers
        width = self.encoder.config.embedding
        self.text = nn.Linear(texts.shape[1], width)
        begin_projection(self.text, texts)
        regressed = self.encoder.config.regressed
        self.regressed = fitted_layer(texts.shape[1], regressed) if regressed else None
        self.log_scale = nn.Parameter(torch.tensor(float(-np.log(temperature))))

    @property
    def encoder(self) -> QueriesEncoder:
        """The encoder of all layouts."""
        return cast(QueriesEncoder, self.readers.encoder)

    def projected(self, embeddings: Tensor) -> Tensor:
        """Return the teacher's embeddings (n, w) in the space of the queries (n, d), of unit length."""
        return functional.normalize(self.text(embeddings), dim=-1)

    def placed(self, embeddings: Tensor) -> Tensor:
        """Return the teacher's embeddings (n, w) in the whole common space (n, part_width), of unit length."""
        weight, bias = self.projection
        return self.encoder.config.unit(functional.linear(embeddings, weight, bias))

    @property
    def projection(self) -> tuple[Tensor, Tensor]:
        """Weights (part_width, w) and offsets (part_width,) of what leads from the teacher to the common space."""
        if self.regressed is None:
            return self.text.weight, self.text.bias
        weight = torch.cat([self.text.weight, self.regressed.weight])
        return weight, torch.cat([self.text.bias, self.regressed.bias])

    @property
    def scale(self) -> Tensor:
        """What similarities are multiplied by; at most 100, as in CLIP (arXiv 2103.00020)."""
        return self.log_scale.clamp(max=float(np.log(100.0))).exp()


def begin_projection(layer: nn.Linear, texts: np.ndarray) -> None:
    """Begin a projection with the principal directions of the teacher's embeddings of texts (n, w), about their mean.

    A sentence embedder puts all texts of one subject into one narrow cone; what tells them apart is what is left
    without its axis. Directions beyond the number of texts are random and small.
    """
    mean = texts.mean(0)
    directions = np.linalg.svd(texts - mean, full_matrices=False)[2][: layer.out_features]
    with torch.no_grad():
        nn.init.normal_(layer.weight, std=1e-3)
        layer.weight[: len(directions)] = torch.from_numpy(directions.astype(np.float32))
        layer.bias.copy_(-layer.weight @ torch.from_numpy(mean.astype(np.float32)))


class AlignObjective(Objective[Aligned]):
    """What the losses against any teacher share: takes of one layout, varied, normalized and embedded.

    Args:
        aligned: what is trained.
        config: the parts of the loss.
        augment: how each layout's frames are varied.
        starts: what each layout's takes begin with.
        most_before: most frames of another take that stand before a take, as what a person did before it.
    """

    def __init__(
        self,
        aligned: Aligned,
        config: LossConfig,
        augment: Sequence[Augment],
        starts: Sequence[SessionStart | None],
        most_before: int = 0,
    ) -> None:
        super().__init__()
        self.aligned, self.config, self.starts, self.most_before = aligned, config, starts, most_before
        self.augment = nn.ModuleList(augment)

    @property
    def model(self) -> Aligned:
        return self.aligned

    def parts(self, batch: Batch, places: Tensor) -> Tensor:
        """Return the parts (B, Q, d) of takes, embedded at frames (B,)."""
        place = int(batch.reader)
        recognizer = self.aligned.readers[place]
        start = self.starts[place]
        begun = None if start is None else start.state(recognizer, batch.worn)
        frames, lengths = recognizer.normalize(batch.samples, batch.lengths, begun)
        frames = cast(Augment, self.augment[place]).frames(frames, lengths)
        if self.most_before:
            frames, lengths, before = _behind_others(frames, lengths, self.most_before)
            places = places + before
        return embedded_at(recognizer, frames, lengths, places)


class TextObjective(AlignObjective):
    """Contrastive losses of takes against texts.

    Args:
        texts: the teacher's embeddings (m, w) of the texts of each gesture, in the order of the tokens of the readers.
        seed: of the clusters.
        others: as of `AlignObjective`.
    """

    texts: Tensor
    clusters: Tensor
    affinities: Tensor
    counts: Tensor
    gestures: Tensor
    firsts: Tensor

    def __init__(self, texts: Sequence[np.ndarray], seed: int, *others: Any) -> None:
        super().__init__(*others)
        everything = np.concatenate(list(texts))
        clusters, affinities = cluster_affinities(everything, self.config.clusters, seed)
        self.register_buffer("texts", torch.from_numpy(everything), persistent=False)
        self.register_buffer("clusters", torch.from_numpy(clusters), persistent=False)
        self.register_buffer("affinities", torch.from_numpy(affinities), persistent=False)
        counts = torch.tensor([len(own) for own in texts])
        self.register_buffer("counts", counts, persistent=False)
        self.register_buffer("gestures", torch.arange(len(texts)).repeat_interleave(counts), persistent=False)
        self.register_buffer("firsts", counts.cumsum(0) - counts, persistent=False)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Return the weighted losses of a batch of one layout."""
        parts = self.parts(batch, _drawn_places(batch.lengths))
        classes = batch.targets[:, 0] - 1  # the blank is no gesture
        share = torch.rand(len(classes)).to(classes.device)
        drawn = self.firsts[classes] + (share * self.counts[classes]).long()  # a text for each take
        one_each = self.aligned.scale * similarity(parts, self.aligned.projected(self.texts[drawn]))
        if self.config.multi_positive:  # all texts of all gestures
            logits = self.aligned.scale * similarity(parts, self.aligned.projected(self.texts))
            losses = {"contrast": symmetric(logits, classes, self.gestures, True)}
        else:
            losses = {"contrast": symmetric(one_each, classes, classes, False)}
        if self.config.soft_weight:
            own = self.clusters[drawn]
            losses["soft"] = self.config.soft_weight * soft_loss(one_each, own, self.affinities, self.config)
        return losses


class SignalObjective(AlignObjective):
    """Contrastive losses of takes against windows of a signal beside them, as a teacher embeds them.

    Args:
        embeddings: (n, w) of all windows; targets of batches are their rows.
        patches: (n, P, w) of their parts, for reconstruction.
        labels: (n,) label of each row, as a number: where several windows are right, those of the label are.
        seed: of the clusters.
        others: as of `AlignObjective`.
    """

    affinities: Tensor

    def __init__(
        self, embeddings: np.ndarray, patches: np.ndarray, labels: np.ndarray, seed: int, *others: Any
    ) -> None:
        super().__init__(*others)
        clusters, affinities = cluster_affinities(embeddings, self.config.clusters, seed)
        # Not buffers: they are the training set, which stays on the CPU.
        self.embeddings, self.patches = torch.from_numpy(embeddings), torch.from_numpy(patches)
        self.labels, self.clusters = torch.from_numpy(labels), torch.from_numpy(clusters)
        self.register_buffer("affinities", torch.from_numpy(affinities), persistent=False)
        self.reconstruction: Reconstruction | None = None
        if self.config.reconstruction_weight:
            if not patches.shape[1]:
                raise ConfigError("loss.reconstruction_weight", "is above 0, and no parts are kept", "set it to 0")
            width = cast(QueriesEncoder, self.aligned.readers.encoder).config.embedding
            self.reconstruction = Reconstruction(patches.shape[1], patches.shape[2], width)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Return the weighted losses of a batch of one layout."""
        parts = self.parts(batch, batch.lengths - 1)
        rows = batch.targets[:, 0].cpu()
        device = parts.device
        others = self.aligned.projected(self.embeddings[rows].to(device))
        logits = self.aligned.scale * similarity(parts, others)
        classes = self.labels[rows].to(device)
        losses = {"contrast": symmetric(logits, classes, classes, self.config.multi_positive)}
        if self.config.soft_weight:
            own = self.clusters[rows].to(device)
            losses["soft"] = self.config.soft_weight * soft_loss(logits, own, self.affinities, self.config)
        if self.reconstruction is not None:
            error = self.reconstruction(parts, self.patches[rows].to(device).float())
            losses["reconstruction"] = self.config.reconstruction_weight * error
        return losses


def soft_loss(logits: Tensor, own: Tensor, affinities: Tensor, config: LossConfig) -> Tensor:
    """Return the loss of logits (B, B) against what the teacher finds alike, given the cluster (B,) of each column."""
    return info_nce(logits, soft_targets(affinities, own, own, config.soft_top, config.soft_temperature))


def embedded_at(recognizer: Recognizer, frames: Tensor, lengths: Tensor, places: Tensor) -> Tensor:
    """Return the parts (B, Q, d) of one embedding of each of normalized frames (B, F, N, E, K), at frames (B,)."""
    encoder = cast(QueriesEncoder, recognizer.encoder)
    joined, counts = encoder.looked_at(frames, lengths)
    at = torch.minimum(places // encoder.stride, counts - 1).clamp(min=0)
    found = encoder.found(joined, torch.zeros_like(lengths), at[:, None])
    parts = found[:, 0].unflatten(1, (encoder.config.parts, encoder.config.part_width))
    # The linear map is fitted, not trained: losses see the queries alone.
    return functional.normalize(parts[..., : encoder.config.embedding], dim=-1) if encoder.config.regressed else parts


def _behind_others(frames: Tensor, lengths: Tensor, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return takes (B, F, N, E, K) behind the ends of others of the batch, their lengths, and where they begin (B,).

    Draws from torch's global generator of the CPU.
    """
    other = torch.randperm(len(lengths)).to(lengths.device)
    wanted = torch.randint(0, most + 1, (len(lengths),)).to(lengths.device)
    starts = (lengths[other] - wanted).clamp(min=0)
    before = lengths[other] - starts
    joined, together = join(part(frames[other], starts, most), before, frames, lengths)
    return joined, together, before


def _drawn_places(lengths: Tensor) -> Tensor:
    """Return where each take of a batch is embedded, (B,) frames: half at the end, half at random."""
    first = (lengths - 1).clamp(max=FIRST_PLACE)
    share = torch.rand(len(lengths)).to(lengths.device)
    drawn = first + (share * (lengths - first)).long()
    return torch.where(torch.rand(len(lengths)).to(lengths.device) < 0.5, lengths - 1, drawn)
