"""A folder in; the teacher of a signal that it holds, whatever its kind, out."""

from __future__ import annotations

from pathlib import Path

from emgasr.crossmodal.teachers.audio import load_audio_teacher
from emgasr.crossmodal.teachers.folder import kind_of_teacher
from emgasr.crossmodal.teachers.pose import load_pose_teacher
from emgasr.crossmodal.teachers.signal import SignalTeacher


def load_signal_teacher(folder: str | Path) -> SignalTeacher:
    """Read a teacher of pose or sound.

    Raises:
        ModelError: The folder is missing, damaged, unfinished, or of another format.
    """
    if kind_of_teacher(Path(folder)) == "pose":
        return load_pose_teacher(folder)
    return load_audio_teacher(folder)
