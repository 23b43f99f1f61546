"""`emgasr record`: what a source sends is on disk, with its labels, however the recording ends."""

from __future__ import annotations

import errno
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from emgasr import open_recording
from emgasr.cli import main
from emgasr.data.validate import check_recording
from emgasr.errors import RecordingError
from emgasr.recording import Band
from emgasr.sessions.journal_reading import is_journal
from emgasr.sources import Chunk
from tests.helpers.miniatures import make_recording, write_native


def test_a_replayed_file_is_recorded_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = write_native(tmp_path), tmp_path / "out" / "day.hdf5"
    command = ["record", "--out", str(out), "--source", f"file:{source},speed=fast", "--subject", "bea", "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["seconds"] == 3.0
    recording, original = open_recording(out), open_recording(source)
    assert not is_journal(out)
    np.testing.assert_array_equal(recording.read(), original.read())
    assert (recording.subject, recording.session, recording.origin) == ("bea", "day", "simulated")
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.slow
def test_a_simulated_person_types_the_prompts(tmp_path: Path) -> None:
    prompts, out = tmp_path / "prompts.txt", tmp_path / "typed.hdf5"
    prompts.write_text("ab\n\nc d\n")
    command = [
        "record",
        "--out",
        str(out),
        "--source",
        "simulate:seed=9001,speed=fast",
        "--prompts",
        str(prompts),
        "--rest-seconds",
        "1",
    ]
    assert main(command) == 0
    recording = open_recording(out)
    assert recording.spans.kinds == ("rest", "prompt", "prompt", "rest")
    assert recording.spans.texts[1:3] == ("ab\n", "c d\n")
    assert recording.events.keys.count("Key.enter") == 2
    assert not check_recording(recording)[0]
    level = [
        float(recording.read(start, end).std())
        for start, end in ((0.2, 0.9), (recording.spans.start_s[1] + 0.7, recording.spans.end_s[1]))
    ]
    assert level[1] > 1.3 * level[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "needs a source"),
        (["--source", "simulate:", "--limit-seconds", "0"], "--limit-seconds"),
        (["--source", "simulate:", "--rest-seconds", "-1"], "--rest-seconds"),
        (["--source", "simulate:", "--subject", " "], "--subject"),
        (["--source", "simulate:", "--session", "a\nb"], "--session"),
        (["--source", "simulate:", "--prompts", "/nowhere"], "cannot be read"),
        (["--finish"], "no unfinished recording"),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(
    tmp_path: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", "--out", str(tmp_path / "one.hdf5"), *options]) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def started(*words: str, **options: object) -> subprocess.Popen[bytes]:
    # A suite in the background of a shell inherits an ignored SIGINT, which a terminal would not give.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import sys; from emgasr.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "record", *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload,no-any-return]


def wait_for(path: Path, size: int) -> None:
    end_s = time.monotonic() + 60
    while not (path.exists() and path.stat().st_size > size):
        assert time.monotonic() < end_s
        time.sleep(0.02)


@pytest.mark.process
@pytest.mark.slow
def test_a_kill_leaves_a_file_that_opens_and_can_be_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = write_native(tmp_path, seconds=60.0), tmp_path / "killed.hdf5"
    process = started("--out", str(out), "--source", f"file:{source},speed=20")
    wait_for(out, 60_000)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    recording = open_recording(out)
    assert is_journal(out)
    assert recording.n_samples >= 1800
    np.testing.assert_array_equal(recording.read(), open_recording(source).read()[: recording.n_samples])
    assert main(["validate", str(out)]) == 0
    assert main(["record", "--out", str(out), "--finish"]) == 0
    assert f"{recording.duration_s:.1f} s" in capsys.readouterr().out
    assert not is_journal(out)


@pytest.mark.process
@pytest.mark.slow
def test_two_processes_cannot_record_to_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = write_native(tmp_path, seconds=60.0), tmp_path / "both.hdf5"
    process = started("--out", str(out), "--source", f"file:{source}")
    wait_for(out, 3000)
    assert main(["record", "--out", str(out), "--source", f"file:{source},speed=fast"]) == 2
    assert "is being recorded to by another process" in capsys.readouterr().err
    assert main(["record", "--out", str(out), "--finish"]) == 2
    assert "end that one first" in capsys.readouterr().err
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert main(["record", "--out", str(out), "--finish"]) == 0


def test_a_full_disk_ends_a_recording_in_one_line_and_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = write_native(tmp_path), tmp_path / "full.hdf5"
    write, room = os.write, [6000]

    def limited(descriptor: int, data: bytes) -> int:
        if len(data) > room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] -= len(data)
        return write(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr("emgasr.sessions.journal.os.write", limited)
        assert main(["record", "--out", str(out), "--source", f"file:{source},speed=fast,chunk_ms=100"]) == 2
    told = capsys.readouterr().err
    assert "No space left on device" in told
    assert told.count("\n") == 1
    recording = open_recording(out)
    assert 0 < recording.n_samples < 600
    np.testing.assert_array_equal(recording.read(), open_recording(source).read()[: recording.n_samples])


@pytest.mark.process
@pytest.mark.slow
def test_ctrl_c_ends_a_recording_well(tmp_path: Path) -> None:
    source, out = write_native(tmp_path, seconds=60.0), tmp_path / "stopped.hdf5"
    process = started("--out", str(out), "--source", f"file:{source}", stdout=subprocess.PIPE)
    wait_for(out, 3000)
    process.send_signal(signal.SIGINT)
    told, wrong = process.communicate(timeout=60)
    assert (process.returncode, wrong) == (0, b"")
    assert b"stopped.hdf5" in told
    assert not is_journal(out)
    assert open_recording(out).n_samples > 0


def test_a_source_that_is_gone_for_good_leaves_what_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing:
        rate_hz, unit, bands = 200.0, "uV", (Band.numbered("emg", 8),)

        def chunks(self) -> Iterator[Chunk]:
            yield Chunk(make_recording().read(0.0, 1.0), 0.0)
            raise RecordingError("source", "is gone (unplugged)", "plug it in")

        def close(self) -> None:
            pass

    monkeypatch.setattr("emgasr.sources.open_source", lambda spec: Failing())
    out = tmp_path / "gone.hdf5"
    assert main(["record", "--out", str(out), "--source", "failing"]) == 2
    told = capsys.readouterr()
    assert "is gone (unplugged)" in told.err
    assert "1.0 s" in told.out
    assert not is_journal(out)
    np.testing.assert_array_equal(open_recording(out).read(), make_recording().read(0.0, 1.0))


@pytest.mark.process
@pytest.mark.slow
def test_keys_typed_in_a_terminal_are_recorded_with_their_times(tmp_path: Path) -> None:
    source, out = write_native(tmp_path, seconds=60.0), tmp_path / "keys.hdf5"
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("hi\n")
    controller, terminal = pty.openpty()
    words = (
        "--out",
        str(out),
        "--source",
        f"file:{source}",
        "--prompts",
        str(prompts),
        "--keys",
        "--rest-seconds",
        "0.2",
    )
    process = started(*words, stdin=terminal, stdout=subprocess.PIPE)
    os.close(terminal)
    wait_for(out, 5000)
    for key in b"hx\x7fi\r":
        os.write(controller, bytes([key]))
        time.sleep(0.05)
    _, wrong = process.communicate(timeout=60)
    os.close(controller)
    assert (process.returncode, wrong) == (0, b"")
    recording = open_recording(out)
    assert recording.events.keys == ("h", "x", "Key.backspace", "i", "Key.enter")
    assert np.ptp(recording.events.time_s) > 0.1  # they came 0.05 s apart, or later if the machine is busy
    assert recording.spans.texts == ("", "hi\n", "")


@pytest.mark.process
def test_ctrl_c_in_a_terminal_leaves_a_clean_screen(tmp_path: Path) -> None:
    source, out = write_native(tmp_path, seconds=60.0), tmp_path / "free.hdf5"
    controller, terminal = pty.openpty()
    # A suite in the background of a shell inherits an ignored SIGINT, which a terminal would not give.
    program = (
        "import fcntl, os, signal, sys, termios; signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    command = [sys.executable, "-c", program, "-m", "emgasr", "record", "--out", str(out), "--source", f"file:{source}"]
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    wait_for(out, 5000)
    os.write(controller, b"abc\x03")
    assert process.wait(timeout=60) == 0
    screen = b""
    with suppress(OSError):  # how a terminal tells that no one writes to it any more
        while read := os.read(controller, 4096):
            screen += read
    os.close(controller)
    assert b"recording" in screen
    assert b"free.hdf5: " in screen
    assert b"^C" not in screen
    assert b"abc" not in screen


@pytest.mark.process
def test_keys_without_a_terminal_are_refused(tmp_path: Path) -> None:
    source = write_native(tmp_path)
    out = tmp_path / "keys.hdf5"
    process = started("--out", str(out), "--source", f"file:{source}", "--keys", stdin=subprocess.DEVNULL)
    _, wrong = process.communicate(timeout=60)
    assert process.returncode == 2
    assert b"needs the keyboard of a terminal" in wrong
    assert not out.exists()
