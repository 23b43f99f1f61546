"""Rules of live reading: chosen on known emissions, kept in a file, refused when wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.errors import ConfigError, DataError
from emgasr.evaluation.endpoint_tuning import GRID, tune_live_rules
from emgasr.evaluation.items import Item
from emgasr.streaming.rules import NO_RULES, LiveRules, read_rules, write_rules
from emgasr.tokens import Tokens

TOKENS = Tokens.words(["a", "b"])
RATE_HZ, UNIT = 20.0, 2


def emissions(text: str, frames: int, sure: float = 0.98) -> np.ndarray:
    """A key each `frames` frames, in the first of them, log-probabilities float32 (F, V)."""
    ids = TOKENS.ids(text)
    rows = np.full((frames * len(ids) + 40, len(TOKENS.symbols)), (1 - sure) / 2)
    rows[:, 0] = sure
    for place, token in enumerate(ids):
        rows[place * frames, :] = (1 - sure) / 2
        rows[place * frames, token] = sure
    return np.log(rows).astype(np.float32)


def item(text: str, frames: int, sure: float = 0.98, times: bool = True) -> Item:
    rows = emissions(text, frames, sure)
    times_s = np.arange(len(text)) * frames / RATE_HZ if times else None
    return Item("known", "someone", list(text), rows, times_s, np.arange(len(rows)) / RATE_HZ)


def search() -> BeamSearch:
    return BeamSearch(TOKENS, None, SearchConfig(beam=8))


def test_sure_keys_are_final_at_once_by_the_strictest_of_rules_that_are_alike() -> None:
    best, tried = tune_live_rules([item("abab", 4)], search(), RATE_HZ, UNIT)
    assert [trial.rules for trial in tried] == list(GRID)
    assert tried[0].rules == NO_RULES
    assert best.counts.errors == 0
    assert best.final_s is not None
    # A key is final at the first look after its frame: within UNIT frames, where nothing else is likely.
    assert best.final_s <= UNIT / RATE_HZ
    alike = [s for s in tried[1:] if s.counts.errors == 0 and s.final_s is not None and s.final_s <= 1.1 * best.final_s]
    assert best.rules.agreement == max(trial.rules.agreement for trial in alike)


def test_without_rules_a_key_waits_for_the_end_of_what_is_doubtful() -> None:
    doubtful = item("ab", 30, sure=0.6)
    best, tried = tune_live_rules([doubtful], search(), RATE_HZ, UNIT)
    assert tried[0].final_s is not None
    assert best.final_s is not None
    assert best.final_s < tried[0].final_s


def test_a_recording_without_times_cannot_choose_rules() -> None:
    with pytest.raises(DataError, match="no recording says when"):
        tune_live_rules([item("ab", 4, times=False)], search(), RATE_HZ, UNIT)


def test_rules_survive_their_file(tmp_path: Path) -> None:
    path = tmp_path / "live.yaml"
    for rules in (LiveRules(), LiveRules(0.99, None, 3.5), NO_RULES):
        write_rules(rules, path, "found somewhere")
        assert path.read_text(encoding="utf-8").startswith("# found somewhere\n")
        assert read_rules(path) == rules


def test_the_old_name_of_a_field_is_read_and_the_new_one_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "live.yaml"
    path.write_text("agreement: 0.9\nsettle_within_s: 2.5\n", encoding="utf-8")
    assert read_rules(path) == LiveRules(0.9, 2.5)
    assert f"{path}: settle_within_s is now finalize_within_s" in capsys.readouterr().err
    path.write_text("finalize_within_s: 1\nsettle_within_s: 2.5\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="settle_within_s is the old name of finalize_within_s, which is there too"):
        read_rules(path)


@pytest.mark.parametrize("content", ["agreement: 0.2", "finalize_within_s: 0", "pause_s: .inf", "agreament: 0.9", "[]"])
def test_wrong_rules_are_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "live.yaml"
    path.write_text(content + "\n", encoding="utf-8")
    with pytest.raises(ConfigError):
        read_rules(path)
