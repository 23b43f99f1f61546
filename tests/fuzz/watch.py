"""What a reader may not do, found out: foreign files opened, processes begun, code of the input run, leftovers."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path
from typing import Any

import emgasr

HERE = Path(__file__).parent
CANARY = "fuzz_canary"
# Where programs and their libraries lie, which may be read at any time.
PROGRAM = tuple(
    {
        os.path.realpath(place)
        for place in (
            *(sys.prefix, sys.base_prefix, Path(emgasr.__file__).parent, HERE.parent, os.path.dirname(os.__file__)),
            *("/proc", "/sys", "/usr", "/lib", "/lib64", "/etc", "/dev/null", "/dev/urandom"),
        )
    }
)
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "socket.connect", "socket.bind")
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod")


class Watch:
    """Listens to what Python asks of the system while a reader runs in a sandbox; `seen` tells what it should not."""

    def __init__(self, sandbox: Path, out: Path, names_files: bool, writes: bool) -> None:
        self.sandbox, self.out = os.path.realpath(sandbox), os.path.realpath(out)
        self.names_files, self.writes = names_files, writes
        self.seen: list[str] = []
        self.listening = False
        sys.path.insert(0, str(HERE / "canary"))
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.listening:
            return
        if event == "open":
            self._opened(*arguments[:3])
        elif event in STARTS:
            self.seen.append(f"{event} {arguments[:2]!r}"[:200])
        elif event in CHANGES and not self.writes:
            path = arguments[0]
            # Compiled code is kept beside the program.
            if not isinstance(path, int) and not self._within(path, self.out, *PROGRAM):
                self.seen.append(f"{event} {path!r}"[:200])

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        writing = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writing:
            if not (self.writes or self._within(path, self.out, *PROGRAM)):
                self.seen.append(f"opened {path!r} to write"[:200])
        elif not (self.names_files or self._within(path, self.sandbox, *PROGRAM)):
            self.seen.append(f"opened {path!r}, which is not of its folder"[:200])

    def _within(self, path: Any, *places: str) -> bool:
        try:
            found = os.path.realpath(os.fsdecode(path))
        except (ValueError, OSError):
            return True  # no path at all: the system refuses it
        return any(found == place or found.startswith(place + os.sep) for place in places)

    def faults(self) -> list[str]:
        """What was seen, and code that the input named and that was imported."""
        return self.seen + (["ran code that the file names"] if CANARY in sys.modules else [])


def snapshot(folder: Path) -> dict[str, int]:
    """What lies below a folder: paths and checksums of contents."""
    found = {}
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b"folder"
        found[path.relative_to(folder).as_posix()] = zlib.crc32(content)
    return found


def differences(before: dict[str, int], after: dict[str, int], writes: bool) -> list[str]:
    """What a reader left, removed or changed; one that `writes` may change files, but leaves no temporary ones."""
    new = sorted(after.keys() - before.keys())
    if writes:
        return [f"left {name} behind" for name in new if Path(name).name.startswith((".", "tmp"))]
    gone = sorted(before.keys() - after.keys())
    changed = sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
    return (
        [f"left {name} behind" for name in new]
        + [f"{name} was removed" for name in gone]
        + [f"{name} was changed" for name in changed]
    )
