"""The scripts that make language models run, on training text alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emgasr.lm import NGramModel, read_model

LM = Path(__file__).resolve().parent.parent / "lm"
WIKITEXT = """
 = Robert <unk> =

 Robert is an English film , television and theatre actor . He had a " role " in 1 @,@ 000 films ( or more ) .
 In 2004 <unk> landed a part . It did n't last !

 = = Career = =
"""


def run(script: str, *arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"EMGASR": f"{sys.executable} -m emgasr", "PYTHON": sys.executable} | settings
    command = [str(LM / script), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def made(script: str, out: Path, *arguments: Path, **settings: str) -> NGramModel:
    done = run(script, out, *arguments, **settings)
    assert done.returncode == 0, done.stderr
    return read_model(out)


@pytest.mark.process
@pytest.mark.parametrize("script", sorted(path.name for path in LM.glob("*.sh")))
def test_every_script_runs_and_asks_for_what_it_lacks(script: str) -> None:
    done = run(script)
    assert done.returncode != 0
    assert "usage: " in done.stderr


@pytest.mark.process
@pytest.mark.slow
def test_the_prompts_make_a_model_without_those_of_the_test(tmp_path: Path) -> None:
    assert made("prompts.sh", tmp_path / "prompts.lm", ORDER="3").order == 3
    for path in LM.iterdir():
        assert "prompts_test" not in path.read_text(encoding="utf-8")


@pytest.mark.process
@pytest.mark.slow
def test_keystrokes_and_prose_become_models(tmp_path: Path) -> None:
    (tmp_path / "wiki.tokens").write_text(WIKITEXT, encoding="utf-8")
    typed = made("keystrokes.sh", tmp_path / "typed.arpa.gz", tmp_path / "wiki.tokens", PRUNE="0")
    assert {" ", "⏎", "<"} <= typed.symbols
    words = made("prose.sh", tmp_path / "words.lm", tmp_path, SYMBOLS="words", ORDER="2", PRUNE="0")
    assert {"film,", '"role"', "1,000", "(or", "more).", "didn't"} <= words.symbols
    assert not {"=", "landed", "<unk>"} & words.symbols


@pytest.mark.process
def test_prose_that_is_plain_passes_as_it_is(tmp_path: Path) -> None:
    plain = 'She said: "Go on." He went. "Why?" The other\nstayed (as ever).\n\nA new paragraph'
    (tmp_path / "plain.txt").write_text(plain, encoding="utf-8")
    command = [sys.executable, str(LM / "plain_prose.py"), str(tmp_path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines == ['She said: "Go on."', "He went.", '"Why?"', "The other stayed (as ever).", "A new paragraph"]
    (tmp_path / "plain.txt").write_bytes(b"\xff")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
