"""torchaudio imports beside any torch, and its own extension is kept wherever it can load."""

import subprocess
import sys
from pathlib import Path

import pytest

import emgasr.runtime.torchaudio_guard as guard
from tests.helpers.scripts import ROOT

PACKAGE = """
__version__ = "fake"
from . import _extension
VALUE = _extension._IS_TORCHAUDIO_EXT_AVAILABLE
@getattr(_extension, "fail_if_no_align", lambda function: function)
def forced_align(): ...
"""


def import_guarded(folder: Path, extension: str, call: str = "VALUE") -> str:
    package = folder / "torchaudio"
    (package / "_extension").mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE)
    (package / "_extension" / "__init__.py").write_text(extension)
    program = (
        f"from emgasr.runtime.torchaudio_guard import torchaudio; print(torchaudio.__version__, torchaudio.{call})"
    )
    path = [str(folder), str(ROOT)]
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {program}"], capture_output=True, text=True
    )
    return run.stdout.strip() or run.stderr.strip().splitlines()[-1]


@pytest.mark.process
def test_an_extension_that_loads_is_kept(tmp_path: Path) -> None:
    assert import_guarded(tmp_path, '_IS_TORCHAUDIO_EXT_AVAILABLE = "real"') == "fake real"


@pytest.mark.process
@pytest.mark.parametrize("failure", ["OSError('libc10_cuda.so: missing')", "RuntimeError('another CUDA')"])
def test_an_extension_that_cannot_load_gets_a_stand_in(tmp_path: Path, failure: str) -> None:
    assert import_guarded(tmp_path, f"raise {failure}") == "fake False"


@pytest.mark.process
def test_where_it_is_not_installed_the_extra_is_named() -> None:
    program = "import importlib.util as u; u.find_spec = lambda name: None; import emgasr.runtime.torchaudio_guard"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert run.stderr.strip().endswith("torchaudio: is not installed; pip install 'emgasr[audio]'")


@pytest.mark.process
def test_other_failures_are_not_hidden(tmp_path: Path) -> None:
    assert import_guarded(tmp_path, "raise ValueError('broken')") == "ValueError: broken"


@pytest.mark.process
def test_what_needs_the_extension_says_so(tmp_path: Path) -> None:
    told = import_guarded(tmp_path, "raise OSError('libc10_cuda.so: missing')", "forced_align()")
    assert told.startswith("RuntimeError: torchaudio's forced_align needs its compiled extension")


def test_what_emgasr_uses_is_there() -> None:
    assert guard.torchaudio.transforms.Spectrogram
    assert guard.torchaudio.functional.resample
