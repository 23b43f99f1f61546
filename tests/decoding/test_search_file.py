"""A tuned search is kept in a file: what is written is read, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from emgasr.decoding import SearchConfig
from emgasr.decoding.search_file import read_search_config, read_tuned_search, write_search_config
from emgasr.errors import ConfigError


@pytest.mark.parametrize("top_k", [None, 7])
def test_what_is_written_is_read(tmp_path: Path, top_k: int | None) -> None:
    config = SearchConfig(beam=12, top_k=top_k, lm_weight=0.731, length_bonus=-0.2, backspace_penalty=1.5)
    write_search_config(config, tmp_path / "search.yaml")
    assert read_search_config(tmp_path / "search.yaml") == config


def test_the_language_model_that_was_tuned_for_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "search.yaml"
    write_search_config(SearchConfig(beam=3), path, "told", "0" * 64)  # a number, if it were not written as a text
    assert read_tuned_search(path) == (SearchConfig(beam=3), "0" * 64)
    assert read_search_config(path) == SearchConfig(beam=3)
    write_search_config(SearchConfig(), path)
    assert read_tuned_search(path) == (SearchConfig(), None)


def test_fields_left_out_keep_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "search.yaml").write_text("lm_weight: 0.4\n")
    assert read_search_config(tmp_path / "search.yaml") == SearchConfig(lm_weight=0.4)


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("lm_wight: 1", "lm_wight"),
        ("beam: many", "beam"),
        ("beam: 0", "beam is 0"),
        ("lm_weight: .nan", "lm_weight"),
        ("lm_sha256: 12", "lm_sha256 12 is no SHA-256"),
        ("lm_sha256: abc", "lm_sha256 'abc' is no SHA-256"),
        ("- 1", "not a mapping"),
        ("", "not a mapping"),
        ("{", "not YAML"),
    ],
)
def test_a_bad_file_is_refused_by_the_name_of_what_is_wrong(tmp_path: Path, content: str, wrong: str) -> None:
    path = tmp_path / "search.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=wrong):
        read_search_config(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        read_search_config(tmp_path / "none.yaml")


def test_a_file_of_an_earlier_release_is_read_and_its_old_name_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "search.yaml").write_text("commit_within: 70\n")
    assert read_search_config(tmp_path / "search.yaml") == SearchConfig(finalize_within=70)
    assert "search.yaml: commit_within is now finalize_within" in capsys.readouterr().err
