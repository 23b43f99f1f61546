"""Windows of joint angles in; unit vectors of a frozen masked autoencoder of pose out; and its folder, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import torch

from emgasr.config.bounds import Within, check_within
from emgasr.crossmodal.teachers.contract import unit_rows
from emgasr.crossmodal.teachers.folder import FORMAT, checksum_of, read_teacher, write_teacher
from emgasr.crossmodal.teachers.pose_network import PoseAutoencoder, PoseConfig
from emgasr.crossmodal.teachers.signal import windows_checked
from emgasr.manifests.manifest import Entry

TOGETHER = 1024  # windows embedded at once
MOST_JOINTS = 4096


@dataclass(frozen=True)
class PoseTeacherFile:
    """What config.yaml of a pose teacher's folder holds.

    Args:
        emgasr_pose_teacher: number of the format.
        channels: angles of a frame.
        labels: labels whose windows it was trained on.
        people: how many people's they were.
        windows: how many there were.
        pose: sizes of the network.
    """

    emgasr_pose_teacher: Annotated[int, Within(0, 1e6)] = FORMAT
    channels: Annotated[int, Within(1, MOST_JOINTS)] = 1
    labels: tuple[str, ...] = ()
    people: Annotated[int, Within(0, 1e9)] = 0
    windows: Annotated[int, Within(0, 1e12)] = 0
    pose: PoseConfig = field(default_factory=PoseConfig)

    def __post_init__(self) -> None:
        check_within(self)


class PoseTeacher:
    """A frozen masked autoencoder of pose (see `emgasr.crossmodal.teachers.signal.SignalTeacher`).

    Args:
        network: the autoencoder, as trained.
        content: what its folder says of it.
        name: for people.
    """

    kind = "pose"

    def __init__(self, network: PoseAutoencoder, content: PoseTeacherFile, name: str = "pose") -> None:
        self.network, self.content, self.name = network.eval().requires_grad_(False), content, name
        self.width, self.channels = content.pose.width, content.channels
        self.window_s, self.frame_rate_hz = content.pose.window_s, content.pose.frame_rate_hz
        self.relative, self.labels = content.pose.relative, content.labels

    @property
    def checksum(self) -> str:
        """SHA-256 of the weights and sizes."""
        return checksum_of(self.content.pose, self.network.state_dict())

    def embed(self, windows: np.ndarray) -> np.ndarray:
        """Return embeddings (n, width) float32 of windows (n, F, C): their own tokens, of unit length.

        Raises:
            DataError: The windows have another shape, or values that are not finite.
        """
        return unit_rows(self._tokens(windows)[:, 0], self.name)

    def frames(self, windows: np.ndarray) -> np.ndarray:
        """Return an embedding of each patch of windows (n, F, C), (n, F', width) float32, around 0."""
        return self._tokens(windows)[:, 1:]

    @torch.no_grad()
    def _tokens(self, windows: np.ndarray) -> np.ndarray:
        windows = windows_checked(windows, self.content.pose.frames, self.channels, self.name)
        device = self.network.places.device
        parts = [torch.from_numpy(windows[i : i + TOGETHER]).to(device) for i in range(0, len(windows), TOGETHER)]
        if not parts:
            return np.zeros((0, 1 + self.content.pose.patches, self.width), np.float32)
        return torch.cat([self.network.centered(self.network(part)) for part in parts]).cpu().numpy()


def save_pose_teacher(teacher: PoseTeacher, folder: Path, shaped_by: Sequence[Entry] = ()) -> None:
    """Write a teacher's folder (see `emgasr.crossmodal.teachers.folder`)."""
    write_teacher(teacher.content, teacher.network.state_dict(), folder, shaped_by)


def load_pose_teacher(folder: str | Path) -> PoseTeacher:
    """Read a teacher's folder; a ModelError if it is missing, damaged, unfinished or of another kind or format."""
    folder = Path(folder)
    content, tensors = read_teacher(folder, PoseTeacherFile, lambda one: untrained(one).state_dict())
    network = untrained(content)
    network.load_state_dict(tensors)
    return PoseTeacher(network, content, folder.absolute().name)


def untrained(content: PoseTeacherFile) -> PoseAutoencoder:
    """Return an autoencoder without training."""
    return PoseAutoencoder(content.pose, torch.zeros(content.channels), torch.ones(content.channels))
