"""One run in, its outcome out: accepted and usable, refused in a clear line, or a fault of the reader."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback
import unicodedata
from pathlib import Path
from typing import Any

from emgasr.errors import EmgasrError

from .formats import Format, Place, Unusable
from .watch import Watch, differences, snapshot

LONGEST_LINE = 1000  # characters
ACCEPTED, REFUSED = "accepted", "refused"
Outcome = dict[str, Any]  # kind, text, digest, details


def judged(fmt: Format, target: Path, place: Place, original: str | None, resealed: bool) -> Outcome:
    """Read what lies at `target` as the format says; `original` is the digest of the samples before the damage."""
    temporary = place.out.parent / "temporary"
    temporary.mkdir()
    os.chdir(temporary)
    tempfile.tempdir = str(temporary)
    before = snapshot(place.folder)
    printed = place.out.parent / "printed.txt"
    watch = Watch(place.out.parent, place.out, fmt.names_files, fmt.writes)
    with printing_to(printed):
        watch.listening = True
        outcome = _outcome(fmt, target, place, original, resealed)
        watch.listening = False
        sys.stdout.flush()
        sys.stderr.flush()
    outcome["text"] = outcome["text"].replace(f"{place.out.parent}{os.sep}", "")
    if outcome["kind"] not in (ACCEPTED, REFUSED):
        return outcome
    left = [
        f"left {path.name} in the temporary folder"
        for path in temporary.iterdir()
        if not path.name.startswith("torchinductor_")  # torch's cache, made as its optimizers are imported
    ]
    if found := watch.faults() or differences(before, snapshot(place.folder), fmt.writes) or left:
        first = found[0].replace(f"{place.out.parent}{os.sep}", "")
        return _fault("trespass", first, "\n".join(found))
    if b"\x1b" in (said := printed.read_bytes()):
        return _fault("escape codes", "printed escape codes", repr(said[:2000]))
    return outcome


def _outcome(fmt: Format, target: Path, place: Place, original: str | None, resealed: bool) -> Outcome:
    try:
        seen = fmt.read(target, place)
    except EmgasrError as error:
        names = {path.name for path in place.folder.rglob("*.*")} | {place.folder.name, place.out.name + "/"}
        if wrong := wrong_line(str(error), names):
            return _fault("bad line", f"{wrong}: {str(error)[:200]!r}", traceback.format_exc())
        return {"kind": REFUSED, "text": str(error), "details": traceback.format_exc()}
    except Unusable as error:
        return _fault("unusable", str(error), traceback.format_exc())
    except MemoryError as error:
        return _fault("memory", f"{_where(error)}: {error}", traceback.format_exc())
    except BaseException as error:
        return _fault("traceback", f"{type(error).__name__} in {_where(error)}: {error}", traceback.format_exc())
    for line in seen.told:
        if wrong := wrong_line(line):
            return _fault("bad line", f"{wrong}: {line[:200]!r}", "")
    if fmt.checked and not resealed and original not in (None, seen.digest) and not seen.told:
        return _fault("changed", "accepted other samples than were written, in silence", "")
    return {"kind": ACCEPTED, "text": "; ".join(seen.told), "digest": seen.digest, "details": ""}


def wrong_line(line: str, names: set[str] | None = None) -> str:
    """What is wrong with a line that a user is told: it must be one, short, plain, and name a file; "" if nothing."""
    if len(line) > LONGEST_LINE:
        return f"a line of {len(line):,} characters"
    foreign = [
        sign
        for sign in line
        if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") or sign in "\u202a\u202b\u202d\u202e"
    ]
    if foreign:
        return f"a line that holds {foreign[0]!r}"
    if names is not None and not any(name in line for name in names):
        return "a line that names no file"
    return "" if line.strip() else "an empty line"


def _fault(kind: str, text: str, details: str) -> Outcome:
    return {"kind": kind, "text": " ".join(repr(text)[1:-1].split())[:300], "details": details[-6000:]}


def _where(error: BaseException) -> str:
    """File and line of the package's last frame."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "emgasr" in Path(frame.filename).parts] or list(frames)
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "?"


@contextlib.contextmanager
def printing_to(path: Path) -> Any:
    """Send all that is printed, also by libraries, to a file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    kept = os.dup(1), os.dup(2)
    os.dup2(file, 1)
    os.dup2(file, 2)
    try:
        yield
    finally:
        for number, old in enumerate(kept, 1):
            os.dup2(old, number)
            os.close(old)
        os.close(file)
