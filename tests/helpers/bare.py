"""A copy of the package as a container has it: read-only, nothing compiled; and how it is run there, by nobody."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import emgasr

NOBODY = 54_321  # a user whom no table of the system knows, as `docker run --user` makes one
_KEEP_CAPABILITIES, _AMBIENT, _RAISE, _READ_AND_SEARCH = 8, 47, 2, 2  # <linux/prctl.h>, <linux/capability.h>
_VERSION_3 = 0x20080522


def bare_package(folder: Path) -> Path:
    """A read-only copy of the package in `folder`, without anything compiled; returns where it is imported from."""
    place = folder / "site"
    shutil.copytree(Path(emgasr.__file__).parent, place / "emgasr", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (*place.rglob("*"), place):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return place


def run_bare(site: Path, here: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python with `command` in the folder `here`: no home, no place for temporary files, the C locale.

    Where the tests run as root it is another user's process; all it has of root's rights is to read, as the
    interpreter may lie in root's home.
    """
    environment = {
        "PATH": os.defpath,
        "LC_ALL": "C",
        "TMPDIR": "/nonexistent",
        "PYTHONPATH": str(site),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        [sys.executable, *command],
        env=environment,
        cwd=here,
        preexec_fn=_drop_rights if os.getuid() == 0 else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=240,
    )


def _drop_rights() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    only = 1 << _READ_AND_SEARCH
    # Effective, permitted and inheritable, of the first 32 capabilities and of the rest.
    if libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(only, only, only, 0, 0, 0))):
        raise OSError(ctypes.get_errno(), "capset")
    libc.prctl(_AMBIENT, _RAISE, _READ_AND_SEARCH, 0, 0)
