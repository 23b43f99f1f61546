"""The training of neural language models: batches hold whole text, runs repeat and resume, mixtures are fitted."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emgasr.errors import ConfigError, DataError, EmgasrError, LanguageModelError
from emgasr.lm import estimate, read_model, write_model
from emgasr.lm.neural.config import NetworkConfig
from emgasr.lm.neural.folder import load_neural, mixture_of
from emgasr.lm.ngram import BEGIN_ID, END_ID
from emgasr.training.language.config import LanguageTrainingConfig, SentencesConfig
from emgasr.training.language.objective import NextSymbol, SentenceSampler
from emgasr.training.language.run import train_language
from emgasr.training.loop import FitConfig

TEXT = ["the cat sat on the mat", "a dog ran to the cat", "the mat is red", "a cat is a cat"] * 10


def configured(folder: Path, steps: int = 12, **changes: Any) -> LanguageTrainingConfig:
    path = folder / "text.txt"
    path.write_text("\n".join(TEXT), encoding="utf-8")
    usual: dict[str, Any] = {
        "texts": (str(path),),
        "symbols": "characters",
        "fit": FitConfig(steps=steps, validations=3, warmup_steps=2, learning_rate=0.02, device="cpu"),
        "data": SentencesConfig(batch_size=8),
        "network": NetworkConfig(kind="gru", width=16, layers=1, dropout=0.1),
    }
    return LanguageTrainingConfig(**(usual | changes))


def test_an_epoch_reads_each_sentence_once_and_each_part_of_a_long_one() -> None:
    sentences = [[3, 4, 5], [6], list(range(10, 31)), [7, 8]]
    sampler = SentenceSampler(sentences, SentencesConfig(batch_size=2, longest=8), 0)
    assert len(sampler.first) == 1 + 1 + 3 + 1
    seen = []
    for step in range(16):
        batch = sampler.batch(step)
        for row, size in zip(batch.targets.tolist(), batch.target_lengths.tolist(), strict=True):
            seen.append(tuple(row[: size + 1]))
            assert set(row[size + 1 :]) <= {END_ID}
    whole = {(BEGIN_ID, *ids, END_ID) for ids in sentences if len(ids) < 8}
    assert whole <= set(seen)
    long = (BEGIN_ID, *sentences[2], END_ID)
    assert all(part in whole or any(long[i : i + len(part)] == part for i in range(len(long))) for part in seen)
    assert abs(sum(part == (BEGIN_ID, 6, END_ID) for part in seen) - 32 / 6) <= 1
    assert sampler.batch(5).targets.equal(SentenceSampler(sentences, sampler.config, 0).batch(5).targets)


def test_the_loss_is_the_mean_of_ln_p_of_what_follows() -> None:
    config = SentencesConfig(batch_size=2, unknown=0.0)
    sampler = SentenceSampler([[3, 4], [4]], config, 0)
    from emgasr.lm.neural.network import make_network

    torch.manual_seed(0)
    network = make_network(NetworkConfig(kind="gru", width=8, layers=1, dropout=0.0), 5)
    batch = sampler.batch(0)
    loss = NextSymbol(network, 0.0)(batch, 0)["next_symbol"].item()
    ln_p = []
    for row, size in zip(batch.targets, batch.target_lengths.tolist(), strict=True):
        scores, _ = network(row[None, :size])
        ln_p += torch.log_softmax(scores[0], 1)[torch.arange(size), row[1 : size + 1]].tolist()
    assert loss == pytest.approx(-np.mean(ln_p), rel=1e-5)


def test_a_run_learns_repeats_itself_and_resumes(tmp_path: Path) -> None:
    config = configured(tmp_path, steps=30)
    said: list[str] = []
    first = train_language(config, tmp_path / "one", log=said.append)
    assert said == ["held out: every 20th sentence, 2 of 40"]
    assert first.compared is not None
    assert first.compared.neural < 12  # of 17 symbols
    lm = load_neural(tmp_path / "one" / "model")
    assert "trained on | text.txt: 38 sentences" in (tmp_path / "one" / "model" / "README.md").read_text()

    stopped: list[int] = []

    def interrupt(entry: dict[str, Any]) -> None:
        if entry["step"] == 14 and not stopped:
            stopped.append(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_language(config, tmp_path / "two", report=interrupt)
    again = train_language(config, tmp_path / "two", resume=True)
    assert again.compared == first.compared
    assert load_neural(tmp_path / "two" / "model").checksum == lm.checksum


def test_another_text_or_network_is_no_resumption(tmp_path: Path) -> None:
    config = configured(tmp_path, steps=2)
    train_language(config, tmp_path / "run")
    other = dataclasses.replace(config, network=NetworkConfig(kind="gru", width=8, layers=1))
    with pytest.raises(ConfigError, match=r"network.+another model"):
        train_language(other, tmp_path / "run", resume=True)
    (tmp_path / "text.txt").write_text("\n".join([*TEXT, "more"]), encoding="utf-8")
    with pytest.raises(DataError, match="another text"):
        train_language(config, tmp_path / "run", resume=True)


def test_the_share_of_an_ngram_model_is_fitted_and_kept(tmp_path: Path) -> None:
    ngram = estimate(TEXT, 3)
    write_model(ngram, tmp_path / "n.lm")
    held_out = tmp_path / "held.txt"
    held_out.write_text("the dog is red\na mat\n", encoding="utf-8")
    config = configured(tmp_path, ngram=str(tmp_path / "n.lm"), held_out=(str(held_out),))
    compared = train_language(config, tmp_path / "run").compared
    assert compared is not None
    assert compared.mixed is not None
    assert compared.ngram is not None
    assert compared.mixed <= min(compared.neural, compared.ngram) + 1e-9
    assert compared.ngram == pytest.approx(_perplexity(ngram, ["the dog is red", "a mat"]))
    kept = mixture_of(tmp_path / "run" / "model")
    assert kept.ngram_share == pytest.approx(compared.ngram_share)
    assert kept.ngram_sha256 == read_model(tmp_path / "n.lm").checksum()


def _perplexity(model: Any, sentences: list[str]) -> float:
    found = [model.sentence(sentence) for sentence in sentences]
    return float(np.exp(-sum(one.ln_p for one in found) / sum(one.length for one in found)))


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"texts": ()}, ConfigError, "no text"),
        ({"texts": ("missing.txt",)}, DataError, "missing.txt"),
        ({"network": NetworkConfig(width=1024, layers=20)}, ConfigError, "more than 10,000,000"),
        ({"ngram": "missing.lm"}, LanguageModelError, "missing.lm"),
    ],
)
def test_what_cannot_be_trained_is_one_line(tmp_path: Path, changes: Any, kind: type[EmgasrError], said: str) -> None:
    with pytest.raises(kind, match=said):
        train_language(configured(tmp_path, **changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_pieces_need_their_model() -> None:
    with pytest.raises(ConfigError, match="pieces"):
        LanguageTrainingConfig(symbols="sentencepiece", fit=FitConfig(steps=1))


def test_an_ngram_model_of_words_is_refused(tmp_path: Path) -> None:
    write_model(estimate([["cat", "dog"], ["red"]], 1), tmp_path / "w.lm")
    with pytest.raises(LanguageModelError, match="same symbols"):
        train_language(configured(tmp_path, ngram=str(tmp_path / "w.lm")), tmp_path / "run")
