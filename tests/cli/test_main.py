"""The command line as a user meets it: verbs, one-line errors, exit codes, nothing heavy at start."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from emgasr import __version__, cli
from emgasr.errors import DataError
from emgasr.files.output import replacing

Verb = Callable[[Callable[[list[str]], int]], None]


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Replace the verb `info` by a function of the test."""

    def replace(run: Callable[[list[str]], int]) -> None:
        module = types.ModuleType("a_verb_of_the_test")
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "a_verb_of_the_test", module)
        monkeypatch.setitem(cli.VERBS, "info", ("a_verb_of_the_test", "of the test"))

    return replace


def raising(error: BaseException) -> Callable[[list[str]], int]:
    def run(argv: list[str]) -> int:
        raise error

    return run


@pytest.mark.process
def test_help_lists_every_verb_and_imports_nothing_heavy() -> None:
    program = (
        "import sys; from emgasr.cli import main; code = main(['--help']); "
        "heavy = {'torch', 'torchaudio', 'scipy', 'numpy', 'h5py', 'numba', 'rich'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(f"  {name} " in done.stdout for name in cli.VERBS)


@pytest.mark.process
def test_the_help_of_a_verb_imports_nothing_that_takes_long() -> None:
    """Training's options stand beside its networks, so its four verbs load torch; condition loads scipy's filters."""
    verbs = sorted(set(cli.VERBS) - {"train", "pretrain", "align", "personalize", "condition"})
    program = (
        f"import sys; from emgasr.cli import main; codes = [main([verb, '--help']) for verb in {verbs}]; "
        "heavy = {'torch', 'torchaudio', 'scipy', 'h5py', 'numba'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else sum(codes))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.process
def test_the_help_of_training_does_without_scipy() -> None:
    """Its verbs load torch, which takes a second and a half; scipy's filters would take half a second more."""
    program = (
        "import sys; from emgasr.cli import main; "
        "codes = [main([verb, '--help']) for verb in ('train', 'pretrain', 'personalize')]; "
        "heavy = {'scipy.signal', 'scipy.stats', 'h5py', 'numba', 'torchaudio'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else sum(codes))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.process
def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "emgasr", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"emgasr {__version__}\n")


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"]])
def test_help_is_what_a_newcomer_gets(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(argv) == 0
    assert "usage: emgasr VERB" in capsys.readouterr().out


@pytest.mark.parametrize(("typed", "meant"), [("evalute", "evaluate"), ("transcirbe", "transcribe"), ("zzz", "--help")])
def test_an_unknown_verb_is_one_line_with_a_suggestion(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([typed]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert typed in told.err
    assert meant in told.err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (
            DataError("labels.csv", "key 'ж' is unknown", "map it or drop it"),
            2,
            "labels.csv: key 'ж' is unknown; map it",
        ),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.ENOSPC, "No space left on device", "out/results.json"), 2, "out/results.json: No space left"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.h5"), 2, "a.h5: No such file or directory"),
        (MemoryError(), 2, "memory is exhausted"),
        (SystemExit("a line of argparse's"), 2, "a line of argparse's"),
    ],
)
def test_a_failure_is_one_line_and_a_code(
    verb: Verb, error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verb(raising(error))
    assert cli.main(["info"]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("emgasr: ")
    assert words in told.err
    assert told.err.count("\n") == 1


def test_a_bug_keeps_its_traceback(verb: Verb) -> None:
    verb(raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["info"])


def test_debugging_shows_the_traceback_of_a_mistake_too(
    verb: Verb, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMGASR_DEBUG", "1")
    verb(raising(DataError("here", "wrong")))
    assert cli.main(["info"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_verbs_exit_code_is_handed_on(verb: Verb) -> None:
    verb(lambda argv: len(argv))
    assert cli.main(["info", "a", "b", "c"]) == 3


def test_a_full_disk_is_one_line_and_leaves_the_old_result(
    verb: Verb, tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = tmp_path / "results.json"
    result.write_text("old")

    def write(argv: list[str]) -> int:
        with replacing(result) as temporary:
            temporary.write_text("new")
        return 0

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    verb(write)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        assert cli.main(["info"]) == 2
    told = capsys.readouterr().err
    assert "No space left on device" in told
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    assert result.read_text() == "old"


@pytest.mark.process
def test_ctrl_c_ends_a_verb_in_one_line_with_130() -> None:
    # A suite that runs in the background of a shell inherits an ignored SIGINT, which a terminal would not give.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import sys, time, types; from emgasr import cli; verb = types.ModuleType('verb'); sys.modules['verb'] = verb\n"
        "def run(argv):\n    print('working', flush=True)\n    time.sleep(60)\n"
        "verb.run = run; cli.VERBS['info'] = ('verb', ''); sys.exit(cli.main(['info']))"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "working\n"
    started.send_signal(signal.SIGINT)
    _, told = started.communicate(timeout=30)
    assert (started.returncode, told) == (130, "emgasr: interrupted\n")


@pytest.mark.process
def test_a_closed_pipe_is_no_error_message() -> None:
    program = f"{sys.executable} -c \"import sys; from emgasr.cli import main; sys.exit(main(['--help']))\""
    done = subprocess.run(
        ["bash", "-c", f"{program} | true; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode in (0, cli.CLOSED_PIPE)


SHOWS = (
    "import sys; from emgasr.cli import exit_code; from emgasr.cli.options.json_out import print_json\n"
    "def run(argv):\n    print('\\u232b \\u0436', flush=True)\n"
    "    print_json({'key': '\\u232b\\U0001f600\\xe9', 'path': 'x\\udce9', 'rate': float('nan')})\n    return 0\n"
    "sys.exit(exit_code(run, []))"
)


@pytest.mark.process
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii", "latin-1", "utf-8:surrogateescape"])
def test_json_is_utf8_or_escaped_and_text_is_shown_whatever_the_terminal(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", SHOWS], capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    shown, line = done.stdout.decode().splitlines()
    assert shown == ("⌫ ж" if encoding.startswith("utf-8") else r"\u232b \u0436")
    assert json.loads(line) == {"key": "⌫😀é", "path": "x\udce9", "rate": None}


@pytest.mark.process
def test_the_c_locale_shows_every_sign() -> None:
    for more in ({}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        environment = {**os.environ, "LC_ALL": "C", **more}
        done = subprocess.run([sys.executable, "-c", SHOWS], capture_output=True, env=environment, check=False)
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.process
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-", "2>/dev/full >/dev/full"])
@pytest.mark.parametrize(("argv", "code"), [("--version", 0), ("nonsense", 2)])
def test_standard_streams_may_be_missing(closed: str, argv: str, code: int) -> None:
    command = f"{sys.executable} -m emgasr {argv} {closed}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == (2 if "full" in closed else code)
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.process
def test_a_file_is_not_opened_in_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    program = (
        "import sys, types; from emgasr import cli; verb = types.ModuleType('verb'); sys.modules['verb'] = verb\n"
        f"def run(argv):\n    file = open({str(tmp_path / 'results')!r}, 'w')\n    return file.fileno() < 3\n"
        "verb.run = run; cli.VERBS['info'] = ('verb', ''); sys.argv = ['emgasr', 'info']; sys.exit(cli.main())"
    )
    done = subprocess.run(["bash", "-c", '"$0" -c "$1" <&- >&- 2>&-', sys.executable, program], check=False)
    assert done.returncode == 0
