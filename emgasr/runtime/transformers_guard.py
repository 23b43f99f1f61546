"""A block that uses transformers in; the same without its bars, warnings and logs on the terminal, out."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def prepare_transformers() -> None:
    """Let torchaudio import, which transformers imports where it is installed."""
    if importlib.util.find_spec("torchaudio") is not None:
        importlib.import_module("emgasr.runtime.torchaudio_guard")


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep progress bars, warnings and logs of the library off the terminal for the block."""
    from transformers.utils import logging as reports

    bar, disabled = reports.is_progress_bar_enabled(), logging.root.manager.disable
    reports.disable_progress_bar()
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        if bar:
            reports.enable_progress_bar()
