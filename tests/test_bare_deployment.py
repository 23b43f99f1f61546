"""A container's way: package that cannot be written, no home, C locale, another user; the demo's verbs all work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from emgasr.cli import main
from tests.helpers.bare import bare_package, run_bare
from tests.helpers.scripts import ROOT

SAID_ONCE = "compiled code cannot be kept (no folder can be written)"
# The verbs of the demo in miniature, in one process: what is compiled in memory is compiled once.
DEMO = """
import sys
from emgasr.cli import main
model = sys.argv[1]
verbs = [
    ["lm", "info", f"{model}/lm.arpa.gz"],
    ["simulate", "--out", "sim", "--people", "1", "--sessions", "1", "--session-minutes", "0.5"],
    ["info", "sim/sim0000/sim0000-000.hdf5"],
    ["personalize", model, "sim/sim0000/sim0000-000.hdf5", "--out", "fitted", "--fit.steps", "1",
     "--fit.validations", "1"],
    ["transcribe", "fitted/model", "sim/sim0000/sim0000-000.hdf5", "--lm", f"{model}/lm.arpa.gz",
     "--search", f"{model}/search.yaml"],
    ["evaluate", "fitted/model", "sim/manifest.jsonl", "--split", "train", "--out", "found"],
]
for verb in verbs:
    print("==", verb[0], flush=True)
    if code := main(verb):
        sys.exit(code)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bare")
    for parent in (folder, *folder.parents):  # pytest keeps its folders to their owner
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    return bare_package(folder)


@pytest.fixture
def here(site: Path, request: pytest.FixtureRequest) -> Path:
    folder = site.parent / request.node.name
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.mark.process
@pytest.mark.slow
def test_the_demos_verbs_work_where_nothing_can_be_written(site: Path, here: Path) -> None:
    done = run_bare(site, here, "-c", DEMO, str(site / "emgasr" / "assets" / "model"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(SAID_ONCE) == 1
    assert "Traceback" not in done.stderr
    assert sorted(os.listdir(here)) == ["fitted", "found", "sim"]  # no folder called "~"
    assert json.loads((here / "found" / "results.json").read_text(encoding="utf-8"))["rows"][0]["cer_greedy"] < 0.9
    assert "data:image/png" in (here / "found" / "report.html").read_text(encoding="utf-8")
    assert not list(site.rglob("__pycache__"))
    if os.getuid() == 0:
        assert (here / "found" / "results.json").stat().st_uid != 0


@pytest.mark.process
@pytest.mark.slow
def test_the_copy_that_it_runs_cannot_be_written(site: Path, here: Path) -> None:
    for place in (site / "emgasr" / "new.py", site / "emgasr" / "__init__.py", site / "new"):
        done = run_bare(site, here, "-c", f"open({str(place)!r}, 'a')")
        assert "PermissionError" in done.stderr


@pytest.mark.process
def test_help_answers_there_too(site: Path, here: Path) -> None:
    done = run_bare(site, here, "-m", "emgasr", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: emgasr VERB" in done.stdout


@pytest.mark.process
@pytest.mark.slow
def test_a_folder_for_compiled_code_is_used_where_one_is_named(site: Path, here: Path) -> None:
    (here / "one.py").write_text(
        "from emgasr.runtime.compiled import compiled\n@compiled()\ndef f(x):\n    return x + 1\n"
    )
    done = run_bare(site, here, "-c", "import os; os.environ['NUMBA_CACHE_DIR'] = 'kept'; import one; one.f(1)")
    assert (done.returncode, done.stderr) == (0, "")
    assert list((here / "kept").rglob("*.nbi"))


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_spoil_nothing(closed: str, tmp_path: Path) -> None:
    command = f'exec "{sys.executable}" -m emgasr record recorded.hdf5 --source simulate:seed=0 --seconds 1 {closed}'
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT)])}
    done = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert main(["validate", str(tmp_path / "recorded.hdf5")]) == 0


def test_what_was_opened_by_a_relative_path_is_read_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    import emgasr
    from emgasr.sessions.journal import Journal
    from emgasr.sessions.native import save_session
    from tests.helpers.miniatures import make_recording

    recording = make_recording()
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(here)
    save_session(recording, "saved.hdf5")
    opened = emgasr.open_recording("saved.hdf5")
    journal = Journal("live.hdf5", opened)
    journal.samples(opened.read(0.0, 1.0))
    monkeypatch.chdir(elsewhere)
    np.testing.assert_array_equal(opened.read(0.0, 1.0), recording.read(0.0, 1.0))
    assert journal.finish().n_samples == len(recording.read(0.0, 1.0))
    assert sorted(os.listdir(here)) == ["live.hdf5", "saved.hdf5"]
