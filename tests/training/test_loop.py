"""The loop: it learns, resumes to the bit, stops when told to, keeps the best, and says when something is wrong."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from emgasr.data.augment import AugmentConfig
from emgasr.data.batches import Batch, WindowSampler, WindowsConfig, collate
from emgasr.errors import ConfigError, ModelError
from emgasr.models.folder import load_recognizer, save_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.training.contracts import BatchSampler, Judgement
from emgasr.training.loop import FitConfig, Fitted, choose_device, fit
from emgasr.training.objective import CTCConfig, CTCObjective
from emgasr.training.validator import GreedyCER, greedy_errors
from tests.helpers.tiny_models import CONFORMER, easy_recording, tiny_recognizer

WINDOWS = WindowsConfig(shortest_s=2.0, longest_s=4.0, batch_s=12.0, snap_s=0.2)
LOSSES, VARYING = CTCConfig(), AugmentConfig()
PLAIN = AugmentConfig(band_jitter_ms=0, time_masks=0, frequency_masks=0)
VARIED = replace(CONFORMER, dropout=0.2)
VALIDATION = [("held out", easy_recording(9, 10.0))]


def sampler(seed: int = 0) -> WindowSampler:
    return WindowSampler([easy_recording(0)], tiny_recognizer().tokens, WINDOWS, seed)


def run(
    folder: Path,
    config: FitConfig,
    recognizer: Recognizer | None = None,
    *,
    batches: BatchSampler | None = None,
    validate: Any = None,
    losses: CTCConfig = LOSSES,
    augment: AugmentConfig = VARYING,
    seed: int = 4,
    **options: Any,
) -> Fitted:
    folder.mkdir(exist_ok=True)
    options.setdefault("save_best", lambda best, cer, step: save_recognizer(best, folder / "model"))
    model = recognizer or tiny_recognizer(config=VARIED)
    validate = validate or GreedyCER(VALIDATION, model.tokens)
    objective = CTCObjective(model, losses, augment)
    return fit(objective, batches or sampler(seed), validate, config, folder, seed=seed, **options)


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def losses(folder: Path) -> dict[int, str]:
    """Every logged step; a step logged twice must have come out the same."""
    found: dict[int, str] = {}
    for entry in log(folder):
        if "loss" in entry:
            assert found.setdefault(entry["step"], json.dumps(entry)) == json.dumps(entry)
    return found


def same_weights(one: Recognizer, other: Recognizer) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


LEARN = FitConfig(steps=50, learning_rate=6e-3, warmup_steps=5, validations=2)


@pytest.mark.slow
def test_an_easy_task_is_learned(tmp_path: Path) -> None:
    recognizer = tiny_recognizer(config=replace(CONFORMER, width=32, mixer_channels=8))
    recognizer.head.reset_parameters()
    fitted = run(tmp_path, LEARN, recognizer, losses=CTCConfig(ctc_ramp_steps=10), augment=PLAIN, seed=0)
    entries = [entry for entry in log(tmp_path) if "loss" in entry]
    assert len(entries) == fitted.steps == 50
    assert entries[-1]["loss"] < 0.3 * entries[0]["loss"]
    assert {"ctc", "intermediate", "frame", "gradient_norm"} <= set(entries[0])
    assert fitted.best <= 0.1
    assert not fitted.interrupted
    best = load_recognizer(tmp_path / "model")
    assert greedy_errors(best, VALIDATION).rate == fitted.best


CONFIG = FitConfig(steps=9, learning_rate=1e-2, warmup_steps=3, validations=3)


def interrupt_at(step: int) -> Callable[[dict[str, Any]], None]:
    def report(entry: dict[str, Any]) -> None:
        if "loss" in entry and entry["step"] == step:
            os.kill(os.getpid(), signal.SIGINT)

    return report


def crash_at(step: int) -> Callable[[dict[str, Any]], None]:
    def report(entry: dict[str, Any]) -> None:
        if "loss" in entry and entry["step"] == step:
            raise OSError("power cut")

    return report


@pytest.mark.parametrize("step", [1, 5, 8])
def test_a_run_that_was_stopped_resumes_to_the_bit(step: int, tmp_path: Path) -> None:
    straight, stopped, resumed = (tiny_recognizer(config=VARIED) for _ in range(3))
    whole = run(tmp_path / "straight", CONFIG, straight)
    part = run(tmp_path / "resumed", CONFIG, stopped, report=interrupt_at(step))
    assert (part.interrupted, part.steps) == (True, step)
    torch.rand(7)  # the state of the generator does not matter
    rest = run(tmp_path / "resumed", CONFIG, resumed, resume=True)
    assert losses(tmp_path / "straight") == losses(tmp_path / "resumed")
    assert same_weights(straight, resumed)
    assert not same_weights(straight, stopped)
    assert (rest.best, rest.best_step, rest.steps) == (whole.best, whole.best_step, 9)


def test_a_run_that_crashed_resumes_from_its_last_checkpoint_to_the_bit(tmp_path: Path) -> None:
    straight, resumed = (tiny_recognizer(config=VARIED) for _ in range(2))
    run(tmp_path / "straight", CONFIG, straight)
    with pytest.raises(OSError, match="power cut"):
        run(tmp_path / "resumed", CONFIG, report=crash_at(5))
    assert not any(thread.name == "batches" for thread in threading.enumerate())
    run(tmp_path / "resumed", CONFIG, resumed, resume=True)
    assert losses(tmp_path / "straight") == losses(tmp_path / "resumed")  # steps 4 and 5 were made twice
    assert same_weights(straight, resumed)


def test_the_same_seed_gives_the_same_run_and_another_does_not(tmp_path: Path) -> None:
    short = replace(CONFIG, steps=2, validations=1)
    for name, seed in (("one", 4), ("two", 4), ("three", 5)):
        run(tmp_path / name, short, seed=seed)
    assert losses(tmp_path / "one") == losses(tmp_path / "two") != losses(tmp_path / "three")


def test_ctrl_c_is_handed_back_after_the_run(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    run(tmp_path, replace(CONFIG, steps=1))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    def report(entry: dict[str, Any]) -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, CONFIG, report=report)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def of_another_model(path: Path) -> None:
    state = torch.load(path, weights_only=True)
    state["objective"] = {"weight": torch.zeros(3)}
    torch.save(state, path)


def of_other_fields(path: Path) -> None:
    state = torch.load(path, weights_only=True)
    state["progress"]["mood"] = 3
    torch.save(state, path)


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (self.path, "w")


def with_a_pickled_object(path: Path) -> None:
    torch.save({"objective": Trap(path.parent / "sprung")}, path)


def with_a_view_of_one_number(path: Path) -> None:
    state = torch.load(path, weights_only=True)
    state["optimizer"]["state"] = {0: {"exp_avg": torch.zeros(1).expand(10**9)}}
    torch.save(state, path)


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (Path.unlink, "not there to resume from"),
        (with_a_view_of_one_number, "cannot be resumed from: a tensor claims 1,000,000,000 numbers"),
        (truncated, "cannot be resumed from"),
        (lambda path: path.write_bytes(b""), "cannot be resumed from"),
        (of_another_model, "cannot be resumed from"),
        (of_other_fields, "cannot be resumed from"),
        (with_a_pickled_object, "cannot be resumed from"),
    ],
)
def test_a_bad_checkpoint_is_refused(spoil: Callable[[Path], None], wrong: str, tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=1))
    spoil(tmp_path / "checkpoint.pt")
    with pytest.raises(ModelError, match=wrong):
        run(tmp_path, replace(CONFIG, steps=2), resume=True)
    assert not (tmp_path / "sprung").exists()


class Answers:
    """A validator whose figures are known beforehand."""

    chooses = "distance"

    def __init__(self, *answers: float) -> None:
        self.answers = iter(answers)

    def __call__(self, model: Recognizer) -> Judgement:
        return Judgement({"distance": next(self.answers), "mood": 1.0}, "look at the mood")


def test_the_best_model_is_the_one_whose_chosen_figure_is_lowest(tmp_path: Path) -> None:
    saved: list[tuple[float, int]] = []
    judge = Answers(0.8, 0.3, 0.6)
    fitted = run(tmp_path, CONFIG, validate=judge, save_best=lambda best, figure, step: saved.append((figure, step)))
    assert saved == [(0.8, 3), (0.3, 6)]
    assert (fitted.best, fitted.best_step) == saved[1]
    judged = [entry for entry in log(tmp_path) if "validation_distance" in entry]
    assert [(entry["step"], entry["validation_mood"]) for entry in judged] == [(3, 1.0), (6, 1.0), (9, 1.0)]
    assert judged[0]["warning"] == "look at the mood"


def test_a_collapse_to_blank_is_warned_of(tmp_path: Path) -> None:
    recognizer = tiny_recognizer()
    torch.nn.init.zeros_(recognizer.head.weight)
    recognizer.head.bias.data = torch.tensor([20.0, 0, 0, 0])
    reports: list[dict[str, Any]] = []
    run(tmp_path, replace(CONFIG, steps=1, learning_rate=1e-9), recognizer, report=reports.append)
    assert "nothing but blanks" in reports[-1]["warning"]
    assert "nothing but blanks" in log(tmp_path)[-1]["warning"]


def test_a_model_that_writes_is_not_warned_of(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=1, learning_rate=1e-9))  # an untrained head writes at random
    assert "warning" not in log(tmp_path)[-1]


def test_a_budget_in_minutes_ends_in_time(tmp_path: Path) -> None:
    started = time.monotonic()
    fitted = run(tmp_path, FitConfig(minutes=0.03, validations=2), augment=PLAIN)
    assert 1.8 <= time.monotonic() - started < 8
    assert fitted.minutes >= 0.03
    assert fitted.steps > 1
    entries = [entry for entry in log(tmp_path) if "validation_cer" in entry]
    assert len(entries) == 2
    assert entries[0]["minutes"] == pytest.approx(0.015, rel=0.5)


class Sleeping(GreedyCER):
    """Waits, as a machine does that others use, before it judges."""

    def __call__(self, model: Recognizer) -> Judgement:
        time.sleep(1.5)
        return super().__call__(model)


def test_minutes_may_be_those_that_the_process_computes(tmp_path: Path) -> None:
    started, computed = time.monotonic(), time.process_time()
    judge = Sleeping(VALIDATION, tiny_recognizer().tokens)
    fitted = run(tmp_path, FitConfig(minutes=0.02, clock="cpu", validations=2), validate=judge, augment=PLAIN)
    assert 1.2 <= 60 * fitted.minutes <= time.process_time() - computed + 0.01
    assert time.monotonic() - started >= 60 * fitted.minutes / torch.get_num_threads() + 3.0


@pytest.mark.parametrize("clock", ["wall", "cpu"])
def test_a_run_that_has_used_its_minutes_takes_no_further_step(clock: Any, tmp_path: Path) -> None:
    config = FitConfig(minutes=0.01, clock=clock, validations=1)
    fitted = run(tmp_path, config, augment=PLAIN)
    again = run(tmp_path, config, augment=PLAIN, resume=True)
    assert again.steps == fitted.steps
    assert again.minutes >= fitted.minutes


def test_the_rate_warms_up_and_decays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = torch.optim.AdamW.step

    def watched(self: torch.optim.AdamW, *arguments: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    run(tmp_path, replace(CONFIG, steps=8, warmup_steps=2, learning_rate=1.0, validations=1))
    assert rates[0] < rates[1] > rates[2] > rates[7]
    assert rates[7] < 0.06


class Fixed:
    def __init__(self, batch: Batch) -> None:
        self.always = batch

    def batch(self, step: int) -> Batch:
        return self.always


def test_broken_samples_leave_the_weights_alone(tmp_path: Path) -> None:
    (example, *_) = sampler().examples(0)
    broken = replace(example, samples=example.samples * float("nan"))
    recognizer = tiny_recognizer()
    before = {name: value.clone() for name, value in recognizer.state_dict().items()}
    run(tmp_path, CONFIG, recognizer, batches=Fixed(collate([broken])))
    assert all(torch.equal(before[name], value) for name, value in recognizer.state_dict().items())
    assert "diverged" in log(tmp_path)[-1]["warning"]


def test_weights_that_run_away_do_not_end_the_run_nor_become_the_best(tmp_path: Path) -> None:
    saved: list[int] = []
    config = replace(CONFIG, warmup_steps=1)
    object.__setattr__(config, "learning_rate", 1e30)  # beyond what a configuration may say
    fitted = run(tmp_path, config, save_best=lambda best, cer, step: saved.append(step))
    assert fitted.steps == 9
    assert "diverged" in log(tmp_path)[-1]["warning"]
    assert fitted.best == 1.0


def test_the_spread_is_measured_on_training_data_and_survives_a_resume(tmp_path: Path) -> None:
    config, spread = replace(CONFIG, steps=6, validations=2), replace(PLAIN, spread=1.0)
    run(tmp_path / "straight", config, augment=spread)
    state = torch.load(tmp_path / "straight" / "checkpoint.pt", weights_only=True)["objective"]
    assert state["augment.spread"].abs().sum() > 0
    run(tmp_path / "resumed", config, augment=spread, report=interrupt_at(4))
    run(tmp_path / "resumed", config, augment=spread, resume=True)
    assert losses(tmp_path / "straight") == losses(tmp_path / "resumed")


def test_a_run_that_crashed_before_it_validated_can_be_resumed(tmp_path: Path) -> None:
    run(tmp_path / "straight", CONFIG)
    with pytest.raises(OSError, match="power cut"):
        run(tmp_path / "resumed", CONFIG, report=crash_at(1))
    run(tmp_path / "resumed", CONFIG, resume=True)
    assert losses(tmp_path / "straight") == losses(tmp_path / "resumed")


def test_the_ctc_losses_grow_over_the_ramp(tmp_path: Path) -> None:
    run(tmp_path / "ramp", replace(CONFIG, steps=4), losses=CTCConfig(ctc_ramp_steps=4))
    run(tmp_path / "none", replace(CONFIG, steps=4), losses=CTCConfig(ctc_ramp_steps=0))
    first, full = (next(e for e in log(tmp_path / name) if "ctc" in e) for name in ("ramp", "none"))
    assert first["ctc"] == pytest.approx(full["ctc"] / 4, rel=1e-4)
    assert first["frame"] == pytest.approx(full["frame"], rel=1e-4)


def test_the_losses_are_written_for_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(tmp_path / "run", replace(CONFIG, steps=3))
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3]
    assert events.Scalars("validation_cer")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="no CUDA device"):
        choose_device("cuda")
    assert choose_device("auto").type == "cpu"


def test_bf16_trains_too(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=2, validations=1, precision="bf16"))
    assert all(math.isfinite(entry["loss"]) for entry in log(tmp_path) if "loss" in entry)


@pytest.mark.process
@pytest.mark.parametrize("resume", [False, True])
def test_worker_processes_change_no_loss_and_end_with_the_run(resume: bool, tmp_path: Path) -> None:
    run(tmp_path / "thread", replace(CONFIG, workers=0))
    workers = replace(CONFIG, workers=2)
    if resume:
        run(tmp_path / "workers", workers, report=interrupt_at(5))
    run(tmp_path / "workers", workers, resume=resume)
    assert losses(tmp_path / "thread") == losses(tmp_path / "workers")
    assert not multiprocessing.active_children()


def test_a_checkpoint_of_the_release_before_is_resumed(tmp_path: Path) -> None:
    run(tmp_path / "straight", CONFIG)
    run(tmp_path / "resumed", CONFIG, report=interrupt_at(5))
    path = tmp_path / "resumed" / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    state["progress"]["best_cer"] = state["progress"].pop("best")
    torch.save(state, path)
    run(tmp_path / "resumed", CONFIG, resume=True)
    assert losses(tmp_path / "straight") == losses(tmp_path / "resumed")


def test_a_fit_without_a_budget_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="either steps or minutes"):
        run(tmp_path, FitConfig())


def test_minutes_of_computing_are_refused_where_others_compute(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cpu counts this process alone"):
        run(tmp_path, FitConfig(minutes=1, clock="cpu", workers=2))


class Stuck:
    """Judges a model to sit on a plateau for so many validations."""

    chooses = "cer"

    def __init__(self, times: int) -> None:
        self.times = times
        self.weights: list[torch.Tensor] = []

    def __call__(self, model: Recognizer) -> Judgement:
        self.times -= 1
        self.weights.append(model.head.weight.detach().clone())
        return Judgement({"cer": 1.0}, plateau="nothing but blanks" if self.times >= 0 else "")


PATIENT = FitConfig(steps=120, warmup_steps=10, validations=10, learning_rate=0.03)


def test_a_run_that_sits_on_a_plateau_starts_again_once_with_a_lower_rate(tmp_path: Path) -> None:
    before = tiny_recognizer(config=VARIED)
    validate = Stuck(times=99)
    fitted = run(tmp_path, replace(PATIENT, steps=160, validations=8), before, validate=validate)
    assert fitted.restarted_step == 100  # not before a hundred steps, whatever the budget
    (said,) = [entry for entry in log(tmp_path) if "plateau" in entry]
    assert said["step"] == 100
    assert said["plateau"] == "nothing but blanks"
    assert "starts again" in said["warning"]
    assert "0.01" in said["warning"]
    first = tiny_recognizer(config=VARIED).head.weight
    distances = [(weight - first).norm().item() for weight in validate.weights]
    assert distances[5] < distances[4]  # 20 steps from the first weights, not 120


def test_a_run_that_left_its_plateau_in_time_goes_on(tmp_path: Path) -> None:
    left = replace(PATIENT, steps=160, validations=8)  # the fifth validation, after 100 steps, may restart it
    assert run(tmp_path / "left", left, validate=Stuck(times=4)).restarted_step == 0
    never = replace(PATIENT, restart_at=0.0)
    assert run(tmp_path / "never", never, validate=Stuck(times=99)).restarted_step == 0


def test_a_run_resumed_behind_its_restart_is_that_of_one_that_never_stopped(tmp_path: Path) -> None:
    config = replace(PATIENT, steps=160, validations=8)
    whole = run(tmp_path / "whole", config, tiny_recognizer(config=VARIED), validate=Stuck(99))
    validate, seen = Stuck(99), []

    def stop_late(model: Recognizer) -> Judgement:
        seen.append(1)
        if len(seen) == 6:
            signal.raise_signal(signal.SIGINT)
        return validate(model)

    stop_late.chooses = "cer"  # type: ignore[attr-defined]
    assert run(tmp_path / "cut", config, tiny_recognizer(config=VARIED), validate=stop_late).interrupted
    rest = run(tmp_path / "cut", config, tiny_recognizer(config=VARIED), validate=Stuck(99), resume=True)
    assert rest.restarted_step == whole.restarted_step == 100
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
