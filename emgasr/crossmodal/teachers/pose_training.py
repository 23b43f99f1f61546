"""Windows of training people's joint angles in; a frozen teacher of pose in its folder, and the log of its fit, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from emgasr.crossmodal.teachers.folder import FORMAT
from emgasr.crossmodal.teachers.pose import PoseTeacher, PoseTeacherFile, load_pose_teacher, save_pose_teacher
from emgasr.crossmodal.teachers.pose_network import PoseAutoencoder, PoseConfig
from emgasr.crossmodal.teachers.signal import Taught, windows_checked
from emgasr.data.batches import Batch, collate
from emgasr.data.compose import Example
from emgasr.errors import DataError
from emgasr.manifests.manifest import Entry
from emgasr.training.contracts import Judgement, Objective
from emgasr.training.loop import FitConfig, Report, fit

FIT = FitConfig(steps=600, learning_rate=2e-3, validations=5, device="cpu", restart_at=0.0)
TEACHER_FOLDER = "pose_teacher"
JUDGED = 512  # windows of people who choose the weights, at most
MEASURED = 8192  # windows that the statistics of embeddings are taken of, at most
_NO_TIMES = np.empty(0)


@dataclass(frozen=True)
class PoseTraining:
    """How a teacher of pose is trained.

    Args:
        pose: the network and what it hides.
        fit: budget and optimizer.
        seed: seed of weights, batches and masks.
    """

    pose: PoseConfig = field(default_factory=PoseConfig)
    fit: FitConfig = field(default_factory=lambda: FIT)
    seed: int = 0


def train_pose_teacher(
    taught: Taught,
    config: PoseTraining,
    folder: Path,
    *,
    judged: np.ndarray | None = None,
    shaped_by: Sequence[Entry] = (),
    resume: bool = False,
    report: Report = lambda entry: None,
) -> PoseTeacher:
    """Train a teacher of pose on the windows of training people and training labels; write it, and return it frozen.

    The same seed and steps give the same teacher. `folder` receives it in pose_teacher/, beside log and checkpoint.

    Args:
        taught: windows (n, F, C); neither people nor labels that are held out may be among them.
        config: sizes, masks, budget and seed.
        folder: of the run.
        judged: windows of other people of the training split, which choose the weights; without them the last are kept.
        shaped_by: entries of the recordings, for people who later ask who was trained on.
        resume: go on from the folder's checkpoint.
        report: receives the entries of the log.

    Raises:
        DataError: There is no window, or one has another shape, or values that are not finite.
    """
    frames, channels = config.pose.frames, int(taught.windows.shape[-1])
    windows = windows_checked(taught.windows, frames, channels, "windows of pose")
    if not len(windows):
        raise DataError("windows of pose", "there is none", "give recordings with pose beside")
    others = None if judged is None else windows_checked(judged, frames, channels, "windows of pose")
    every = torch.from_numpy(windows).flatten(0, 1).double()
    torch.manual_seed(config.seed)
    network = PoseAutoencoder(config.pose, every.mean(0).float(), every.std(0, correction=0).float())
    people = len(set(taught.people))
    content = PoseTeacherFile(FORMAT, channels, taught.known, people, len(windows), config.pose)
    order = np.random.default_rng(config.seed).permutation(len(windows))[:MEASURED]
    measured = torch.from_numpy(windows[np.sort(order)])

    def save(best: PoseAutoencoder, value: float, step: int) -> None:
        best.measure(measured)
        save_pose_teacher(PoseTeacher(best.eval(), content), folder / TEACHER_FOLDER, shaped_by)
        best.requires_grad_(True)

    fit(
        _Masked(network),
        _Sampler(windows, config.pose.batch_size, config.seed),
        _HiddenError(others),
        config.fit,
        folder,
        seed=config.seed,
        resume=resume,
        save_best=save,
        report=report,
    )
    return load_pose_teacher(folder / TEACHER_FOLDER)


class _Masked(Objective[PoseAutoencoder]):
    """The error of the patches that are hidden."""

    def __init__(self, network: PoseAutoencoder) -> None:
        super().__init__()
        self.network = network

    @property
    def model(self) -> PoseAutoencoder:
        return self.network

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        return self.network.losses(batch.samples)


class _Sampler:
    """Batches of windows, drawn alike."""

    def __init__(self, windows: np.ndarray, size: int, seed: int) -> None:
        self.windows, self.size, self.seed = windows, size, seed

    def batch(self, step: int) -> Batch:
        chosen = np.random.default_rng((self.seed, 7, step)).integers(len(self.windows), size=self.size)
        return collate([Example(self.windows[row], [], _NO_TIMES, _NO_TIMES) for row in chosen])


class _HiddenError:
    """Judges by the error of the hidden patches of other people's windows, the same masks each time."""

    chooses = "hidden_error"

    def __init__(self, windows: np.ndarray | None) -> None:
        self.windows = None if windows is None or not len(windows) else torch.from_numpy(windows[:JUDGED])

    def __call__(self, model: PoseAutoencoder) -> Judgement:
        if self.windows is None:
            return Judgement({self.chooses: 1.0}, latest=True)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            losses = model.losses(self.windows.to(model.places.device))
        return Judgement({self.chooses: float(sum(losses.values()))})
