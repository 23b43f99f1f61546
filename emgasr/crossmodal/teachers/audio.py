"""Windows of sound, or of a frozen model's frames of it, in; unit vectors out; and the folder of the statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor

from emgasr.config.bounds import Within, check_within
from emgasr.crossmodal.teachers.contract import unit_rows
from emgasr.crossmodal.teachers.folder import FORMAT, checksum_of, read_teacher, write_teacher
from emgasr.crossmodal.teachers.signal import Taught, windows_checked
from emgasr.errors import ConfigError, DataError
from emgasr.manifests.manifest import Entry

QUIET = 1e-10  # power below which all is silence, of samples from -1 to 1
LEAST_SD = 1e-6
TOGETHER = 64  # windows of sound at once


@dataclass(frozen=True)
class AudioConfig:
    """How windows of sound become embeddings; nothing is trained but the statistics of its bins.

    Args:
        of: log_mel: the sound itself, as log-mel bins. frames: frames that a frozen model made of it, given as .npy.
        window_s: seconds of sound that one embedding is of, those before its time.
        frame_rate_hz: samples a second that sound is brought to; of `frames`, the model's frames a second.
        hop_ms: time from one log-mel frame to the next.
        frame_ms: length of the window of a log-mel frame.
        mels: bins of a log-mel frame.
        patch_s: seconds that a patch is the mean of.
        parts: of a window, each the mean of its patches; they stand side by side in an embedding.
    """

    of: Literal["log_mel", "frames"] = "log_mel"
    window_s: Annotated[float, Within(0.01, 1e4)] = 1.5
    frame_rate_hz: Annotated[float, Within(0.1, 1e6)] = 16_000.0
    hop_ms: Annotated[float, Within(0.1, 1e4)] = 10.0
    frame_ms: Annotated[float, Within(0.1, 1e4)] = 25.0
    mels: Annotated[int, Within(1, 1024)] = 40
    patch_s: Annotated[float, Within(0.001, 1e4)] = 0.1
    parts: Annotated[int, Within(1, 1024)] = 5

    def __post_init__(self) -> None:
        check_within(self, "audio")
        if self.patches < self.parts or self.patch < 1:
            wrong = f"{self.window_s:g} s are {self.patches} patches, fewer than {self.parts} parts"
            raise ConfigError("audio.parts", wrong, "give fewer parts, or shorter patches")

    @property
    def frames(self) -> int:
        """F, of a window."""
        return round(self.window_s * self.frame_rate_hz)

    @property
    def hop(self) -> int:
        """Samples from one log-mel frame to the next; of a model's frames, one."""
        return round(self.hop_ms * self.frame_rate_hz / 1000) if self.of == "log_mel" else 1

    @property
    def size(self) -> int:
        """Samples of the window of a log-mel frame; of a model's frames, one."""
        return round(self.frame_ms * self.frame_rate_hz / 1000) if self.of == "log_mel" else 1

    @property
    def patch(self) -> int:
        """Bins' frames of a patch."""
        return round(self.patch_s * self.frame_rate_hz / max(1, self.hop))

    @property
    def patches(self) -> int:
        """F', of a window."""
        return max(0, 1 + (self.frames - self.size) // max(1, self.hop)) // max(1, self.patch)


@dataclass(frozen=True)
class AudioTeacherFile:
    """What config.yaml of an audio teacher's folder holds.

    Args:
        emgasr_audio_teacher: number of the format.
        channels: of a window: 1 of sound, the width of a model's frames.
        labels: labels of the training windows.
        people: how many people's they were.
        windows: how many there were.
        audio: how windows become embeddings.
    """

    emgasr_audio_teacher: Annotated[int, Within(0, 1e6)] = FORMAT
    channels: Annotated[int, Within(1, 65_536)] = 1
    labels: tuple[str, ...] = ()
    people: Annotated[int, Within(0, 1e9)] = 0
    windows: Annotated[int, Within(0, 1e12)] = 0
    audio: AudioConfig = field(default_factory=AudioConfig)

    def __post_init__(self) -> None:
        check_within(self)
        if self.audio.of == "log_mel" and self.channels != 1:
            raise ConfigError("channels", f"{self.channels} of sound", "give one")

    @property
    def bins(self) -> int:
        """K, of a frame."""
        return self.audio.mels if self.audio.of == "log_mel" else self.channels


class AudioTeacher:
    """Log-mel bins, or a frozen model's frames, z-scored and pooled (see `SignalTeacher`).

    Args:
        content: what its folder says of it.
        mean: (K,) of the training windows' bins.
        sd: (K,) of them.
        name: for people.
    """

    kind = "audio"
    relative = False

    def __init__(self, content: AudioTeacherFile, mean: np.ndarray, sd: np.ndarray, name: str = "audio") -> None:
        self.content, self.mean, self.sd, self.name = content, mean, np.maximum(sd, LEAST_SD), name
        self.width, self.channels = content.bins * content.audio.parts, content.channels
        self.window_s, self.frame_rate_hz = content.audio.window_s, content.audio.frame_rate_hz
        self.labels = content.labels

    @property
    def statistics(self) -> dict[str, Tensor]:
        """Mean and standard deviation of each bin, (K,) each."""
        return {"mean": torch.from_numpy(self.mean), "sd": torch.from_numpy(self.sd)}

    @property
    def checksum(self) -> str:
        """SHA-256 of the statistics and of how sound becomes bins."""
        return checksum_of(self.content.audio, self.statistics)

    def embed(self, windows: np.ndarray) -> np.ndarray:
        """Return embeddings (n, width) float32 of windows (n, F, C), rows of unit length.

        Raises:
            DataError: The windows have another shape, or values that are not finite.
        """
        patches = self.frames(windows)
        parts = np.array_split(np.arange(patches.shape[1]), self.content.audio.parts)
        return unit_rows(np.concatenate([patches[:, part].mean(1) for part in parts], 1), self.name)

    def frames(self, windows: np.ndarray) -> np.ndarray:
        """Return the mean of each patch of windows (n, F, C), (n, F', K) float32, z-scored."""
        config = self.content.audio
        windows = windows_checked(windows, config.frames, self.channels, self.name)
        bins = self._bins(windows)[:, : config.patches * config.patch]
        scored = (bins - self.mean) / self.sd
        return scored.reshape(len(windows), config.patches, config.patch, -1).mean(2).astype(np.float32)

    def _bins(self, windows: np.ndarray) -> np.ndarray:
        """Return the bins (n, frames, K) of windows (n, F, C)."""
        if self.content.audio.of == "frames":
            return windows
        sound = torch.from_numpy(windows[..., 0])
        parts = [_log(self._mel(part)) for part in sound.split(TOGETHER)] if len(sound) else []
        if not parts:
            return np.zeros((0, self.content.audio.patches * self.content.audio.patch, self.content.bins), np.float32)
        return torch.cat(parts).transpose(1, 2).numpy()

    @cached_property
    def _mel(self) -> Any:
        from emgasr.runtime.torchaudio_guard import torchaudio

        config = self.content.audio
        return torchaudio.transforms.MelSpectrogram(
            round(config.frame_rate_hz),
            n_fft=config.size,
            hop_length=config.hop,
            n_mels=config.mels,
            center=False,
        )


def measure_audio_teacher(taught: Taught, config: AudioConfig, name: str = "audio") -> AudioTeacher:
    """Return a teacher with the statistics of the windows of training people and training labels.

    Raises:
        DataError: There is no window, or one has another shape, or values that are not finite.
        ConfigError: torchaudio is not installed.
    """
    if not len(taught.windows):
        raise DataError("windows of sound", "there is none", "give recordings with sound beside")
    channels, people = int(taught.windows.shape[-1]), len(set(taught.people))
    labels, count = taught.known, len(taught.windows)
    content = AudioTeacherFile(FORMAT, channels, labels, people, count, config)
    plain = AudioTeacher(content, np.zeros(content.bins, np.float32), np.ones(content.bins, np.float32), name)
    windows = windows_checked(taught.windows, config.frames, channels, "windows of sound")
    bins = plain._bins(windows).reshape(-1, content.bins).astype(np.float64)
    return AudioTeacher(content, bins.mean(0).astype(np.float32), bins.std(0).astype(np.float32), name)


def save_audio_teacher(teacher: AudioTeacher, folder: Path, shaped_by: Sequence[Entry] = ()) -> None:
    """Write a teacher's folder (see `emgasr.crossmodal.teachers.folder`)."""
    write_teacher(teacher.content, teacher.statistics, folder, shaped_by)


def load_audio_teacher(folder: str | Path) -> AudioTeacher:
    """Read a teacher's folder; a ModelError if it is missing, damaged, unfinished or of another kind or format."""
    folder = Path(folder)
    content, tensors = read_teacher(
        folder, AudioTeacherFile, lambda one: {name: torch.zeros(one.bins) for name in ("mean", "sd")}
    )
    return AudioTeacher(content, tensors["mean"].numpy(), tensors["sd"].numpy(), folder.absolute().name)


def _log(power: Tensor) -> Tensor:
    return power.clamp(min=QUIET).log()
