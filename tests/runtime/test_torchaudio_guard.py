"""torchaudio imports beside any torch, and its own extension is kept wherever it can load."""

import subprocess
import sys
from pathlib import Path

import pytest

import emgasr.runtime.torchaudio_guard as guard

PACKAGE = '__version__ = "fake"\nfrom . import _extension\nVALUE = _extension._IS_TORCHAUDIO_EXT_AVAILABLE\n'


def import_guarded(folder: Path, extension: str) -> str:
    package = folder / "torchaudio"
    (package / "_extension").mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE)
    (package / "_extension" / "__init__.py").write_text(extension)
    program = "from emgasr.runtime.torchaudio_guard import torchaudio; print(torchaudio.__version__, torchaudio.VALUE)"
    root = Path(guard.__file__).parents[2]
    path = [str(folder), str(root)]
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {program}"], capture_output=True, text=True
    )
    return run.stdout.strip() or run.stderr.strip().splitlines()[-1]


def test_an_extension_that_loads_is_kept(tmp_path: Path) -> None:
    assert import_guarded(tmp_path, '_IS_TORCHAUDIO_EXT_AVAILABLE = "real"') == "fake real"


@pytest.mark.parametrize("failure", ["OSError('libc10_cuda.so: missing')", "RuntimeError('another CUDA')"])
def test_an_extension_that_cannot_load_gets_a_stand_in(tmp_path: Path, failure: str) -> None:
    assert import_guarded(tmp_path, f"raise {failure}") == "fake False"


def test_other_failures_are_not_hidden(tmp_path: Path) -> None:
    assert import_guarded(tmp_path, "raise ValueError('broken')") == "ValueError: broken"


def test_what_needs_the_extension_says_so() -> None:
    def forced_align() -> None: ...

    with pytest.raises(RuntimeError, match="forced_align needs its compiled extension"):
        guard._refuse(forced_align)()


def test_what_emgasr_uses_is_there() -> None:
    assert guard.torchaudio.transforms.Spectrogram
    assert guard.torchaudio.functional.resample
