"""Texts in, embeddings of frozen teachers out: the contract, one file a kind, and the choice by configuration."""

from __future__ import annotations

from collections.abc import Sequence

from emgasr.crossmodal.teachers.audio import load_audio_teacher
from emgasr.crossmodal.teachers.bag_of_words import BagOfWords
from emgasr.crossmodal.teachers.config import TeacherConfig
from emgasr.crossmodal.teachers.contract import TextTeacher, check_understood
from emgasr.crossmodal.teachers.pose import load_pose_teacher
from emgasr.crossmodal.teachers.random_control import RandomControl
from emgasr.crossmodal.teachers.sentence import SentenceEmbedder
from emgasr.crossmodal.teachers.signal import SignalTeacher

__all__ = ["TeacherConfig", "TextTeacher", "check_understood", "signal_teacher", "text_teacher"]


def text_teacher(config: TeacherConfig, texts: Sequence[str]) -> TextTeacher:
    """Return the teacher that a configuration describes.

    Args:
        config: its kind and options.
        texts: those of training, from which a bag of words learns its words.

    Raises:
        ConfigError: A package that it needs is not installed.
        ModelError: The folder of a sentence embedder cannot be loaded.
        DataError: A bag of words finds no word.
    """
    if config.kind == "sentence":
        return SentenceEmbedder(config.folder)
    if config.kind == "bag_of_words":
        return BagOfWords(texts)
    return RandomControl(config.seed, config.width)


def signal_teacher(config: TeacherConfig) -> SignalTeacher:
    """Return the teacher of a signal beside muscles that a configuration describes.

    Raises:
        ModelError: its folder cannot be read.
    """
    return load_pose_teacher(config.folder) if config.kind == "pose" else load_audio_teacher(config.folder)
