"""Readers that fail on purpose, by the fault that they must be found to have: what shows that the fuzzer sees."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from emgasr.errors import RecordingError

from .formats import Format, Place, Seen, Unusable, digest_of

CONTENT = b"emg\n" * 100


def seed(folder: Path) -> Path:
    (folder / "seed.bin").write_bytes(CONTENT)
    return folder / "seed.bin"


def raise_value_error(path: Path, place: Place) -> Seen:
    raise ValueError("not told in one line")


def die(path: Path, place: Place) -> Seen:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


def end_the_process(path: Path, place: Place) -> Seen:
    os._exit(3)


def recurse(path: Path, place: Place) -> Seen:
    return recurse(path, place)


def fill_memory(path: Path, place: Place) -> Seen:
    return Seen(digest_of(len(bytearray(3 << 30))))


def calculate(path: Path, place: Place) -> Seen:
    while True:
        pass


def wait(path: Path, place: Place) -> Seen:
    time.sleep(600)
    raise AssertionError


class AsItIs(RecordingError):
    """A refusal that is told as it was made, which the package's own never is."""

    def __str__(self) -> str:
        return f"{self.where}: {self.wrong}"


def refuse_with_escape_codes(path: Path, place: Place) -> Seen:
    raise AsItIs(path, "holds \x1b[31mred", "")


def refuse_at_length(path: Path, place: Place) -> Seen:
    raise AsItIs(path, "x" * 1000)


def refuse_namelessly(path: Path, place: Place) -> Seen:
    raise RecordingError("somewhere", "something is wrong")


def leave_a_file(path: Path, place: Place) -> Seen:
    with open(place.folder / "left.tmp", "w"):
        return Seen("")


def leave_a_temporary_file(path: Path, place: Place) -> Seen:
    os.close(tempfile.mkstemp()[0])
    return Seen("")


def change_the_file(path: Path, place: Place) -> Seen:
    with open(path, "ab") as file:
        file.write(b"more")
    return Seen("")


def open_a_foreign_file(path: Path, place: Place) -> Seen:
    with open("/var/tmp/../tmp/../../dev/zero", "rb"):
        return Seen("")


def begin_a_process(path: Path, place: Place) -> Seen:
    os.system("true")
    return Seen("")


def import_what_is_named(path: Path, place: Place) -> Seen:
    __import__("fuzz_canary")
    return Seen("")


def print_escape_codes(path: Path, place: Place) -> Seen:
    print("\x1b[2J")
    return Seen("")


def accept_other_samples(path: Path, place: Place) -> Seen:
    return Seen(digest_of(path.read_bytes()))


def accept_what_is_unusable(path: Path, place: Place) -> Seen:
    raise Unusable("scores NaN")


def behaved(reader: Callable[[Path, Place], Seen]) -> Callable[[Path, Place], Seen]:
    """Accepts the seed, so that there is something to damage."""
    return lambda path, place: Seen("") if path.read_bytes() == CONTENT else reader(path, place)


EXPECTED: dict[Callable[[Path, Place], Seen], str] = {
    raise_value_error: "traceback",
    die: "killed by SIGSEGV",
    end_the_process: "ended the process with code 3",
    recurse: "traceback",
    fill_memory: "memory",
    calculate: "slow",
    wait: "hung",
    refuse_with_escape_codes: "bad line",
    refuse_at_length: "bad line",
    refuse_namelessly: "bad line",
    leave_a_file: "trespass",
    leave_a_temporary_file: "trespass",
    change_the_file: "trespass",
    open_a_foreign_file: "trespass",
    begin_a_process: "trespass",
    import_what_is_named: "trespass",
    print_escape_codes: "escape codes",
    accept_other_samples: "changed",
    accept_what_is_unusable: "unusable",
}
FORMATS = {
    reader.__name__: Format(reader.__name__, "nobody", "binary", (seed,), behaved(reader), checked=True, warm=False)
    for reader in EXPECTED
}
