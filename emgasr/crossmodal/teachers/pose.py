"""Windows of joint angles in; unit vectors of a frozen masked autoencoder of pose out; and its folder, both ways.

pose_teacher.safetensors   the network, the statistics of its angles and of its embeddings
config.yaml                sizes, and the labels that it was trained on; written last
trained_on.jsonl           everybody whose recordings shaped it (`emgasr.manifests.lineage`)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.crossmodal.teachers.pose_network import PoseAutoencoder, PoseConfig
from emgasr.crossmodal.teachers.signal import unit_rows, windows_checked
from emgasr.errors import EmgasrError, ModelError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_yaml
from emgasr.files.weights import check_kinds, kinds_in, read_weights
from emgasr.manifests import lineage
from emgasr.manifests.manifest import Entry
from emgasr.models.folder import cause

FORMAT = 1
WEIGHTS_NAME, CONFIG_NAME = "pose_teacher.safetensors", "config.yaml"
ADVICE = "copy the folder again"
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
        found = hashlib.sha256(repr(self.content.pose).encode())
        for name, value in sorted(self.network.state_dict().items()):
            found.update(name.encode() + value.cpu().numpy().tobytes())
        return found.hexdigest()

    def embed(self, windows: np.ndarray) -> np.ndarray:
        """Return embeddings (n, width) float32 of windows (n, F, C), rows of unit length.

        Raises:
            DataError: The windows have another shape, or values that are not finite.
        """
        return unit_rows(self._run(windows)[0])

    def frames(self, windows: np.ndarray) -> np.ndarray:
        """Return an embedding of each patch of windows (n, F, C), (n, F', width) float32."""
        return self._run(windows)[1]

    @torch.no_grad()
    def _run(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        windows = windows_checked(windows, self.content.pose.frames, self.channels, self.name)
        device = self.network.places.device
        parts = [torch.from_numpy(windows[i : i + TOGETHER]).to(device) for i in range(0, len(windows), TOGETHER)]
        found = [self.network.standardized(self.network(part)) for part in parts]
        patches = self.content.pose.patches
        tokens = torch.cat(found).cpu().numpy() if found else np.zeros((0, 1 + patches, self.width), np.float32)
        return tokens[:, 0], tokens[:, 1:]


def save_pose_teacher(teacher: PoseTeacher, folder: Path, shaped_by: Sequence[Entry] = ()) -> None:
    """Write a teacher's folder; config.yaml comes last: a folder without it is refused as unfinished."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_NAME).unlink(missing_ok=True)
    lineage.write(shaped_by, folder)
    parts = {name: value.detach().cpu().contiguous() for name, value in teacher.network.state_dict().items()}
    with replacing(folder / WEIGHTS_NAME) as path:
        path.write_bytes(save(parts))
    write_yaml(to_mapping(teacher.content), folder / CONFIG_NAME)


def load_pose_teacher(folder: str | Path) -> PoseTeacher:
    """Read a teacher's folder; a ModelError if it is missing, damaged, unfinished or of another format."""
    folder = Path(folder)
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise ModelError(folder, "is no teacher of pose (no config.yaml)", "train one, or give its folder")
    content: Any = read_yaml(path, ModelError, ADVICE)
    if not isinstance(content, dict) or content.get("emgasr_pose_teacher") != FORMAT:
        raise ModelError(path, f"is no teacher of pose of format {FORMAT}", "train one, or give its folder")
    try:
        found = from_mapping(PoseTeacherFile, {}, content, path)
    except EmgasrError as error:
        raise ModelError(path, cause(error), "was it made by a newer emgasr?") from error
    file = folder / WEIGHTS_NAME
    with torch.device("meta"):  # without memory, until the file is known to hold such weights
        wanted = empty(found).state_dict()
    check_kinds(file, wanted, kinds_in(file))
    network = empty(found)
    network.load_state_dict(read_weights(file))
    return PoseTeacher(network, found, folder.absolute().name)


def empty(content: PoseTeacherFile) -> PoseAutoencoder:
    """Return an autoencoder without training."""
    return PoseAutoencoder(content.pose, torch.zeros(content.channels), torch.ones(content.channels))
