"""What a protocol can be configured to do; nothing here imports torch, so that its help is quick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from emgasr.config.bounds import Within, check_within
from emgasr.config.renamed import warn
from emgasr.errors import ConfigError
from emgasr.protocol.engines.slurm import SlurmConfig

NONE = "none"
METHODS = (NONE, "statistics", "affine", "head", "all")


@dataclass(frozen=True)
class AdaptationConfig:
    """How models adapt to a person.

    Args:
        minutes: minutes of the person's earliest calibration recordings, a result for each; 0 is always there too.
        repetitions: numbers of first takes of each label of the person's, a result for each, beside the minutes.
        shares: shares of the takes of the person's calibration recordings, 0.05 for 5 %, a result for each too.
        methods: those to try, of statistics, affine, head and all.
        shortfall: share of the minutes, or of the takes of repetitions, that may be missing (a session of "10 minutes"
            is seldom as long); a person with less has no result for that amount.
        steps: optimizer steps of head and all.
        budget_s: seconds that a fit of head or all may take, validations included, in place of steps; 0 goes by steps.
        validations: how often the person's held-out part judges a fit.
        learning_rate: peak of all's learning rate.
        head_learning_rate: peak of head's.
        held_out: share of each recording (of single takes: of each label) that judges head and all; 0 holds nothing out
            and guards nothing.
        batch_s: seconds of signal a batch (windows).
        base_share: share of the weights before the fit in the result of head and all, as in `emgasr personalize`.
        prior_s: seconds of signal that the person's statistics count as when a session starts.
        turns: most electrodes by which a ring may be turned.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {"rungs": "methods"}

    minutes: tuple[Annotated[float, Within(0.001, 1e5)], ...] = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)
    repetitions: tuple[Annotated[int, Within(1, 1e6)], ...] = ()
    shares: tuple[Annotated[float, Within(1e-6, 1)], ...] = ()
    methods: tuple[str, ...] = ("statistics", "affine", "head", "all")
    shortfall: Annotated[float, Within(0, 0.99)] = 0.02
    steps: Annotated[int, Within(0, 1e9)] = 120
    budget_s: Annotated[float, Within(0, 1e7)] = 0.0
    validations: Annotated[int, Within(1, 1e6)] = 6
    learning_rate: Annotated[float, Within(0, 100)] = 5e-4
    head_learning_rate: Annotated[float, Within(0, 100)] = 2e-3
    held_out: Annotated[float, Within(0, 0.99)] = 0.2
    batch_s: Annotated[float, Within(0.001, 1e6)] = 64.0
    base_share: Annotated[float, Within(0, 0.99)] = 0.0
    prior_s: Annotated[float, Within(0.001, 1e9)] = 10.0
    turns: Annotated[int, Within(0, 1024)] = 2

    def __post_init__(self) -> None:
        if unknown := [method for method in self.methods if method not in METHODS[1:]]:
            advice = f"choose of {', '.join(METHODS[1:])}"
            raise ConfigError("adaptation.methods", f"{unknown[0]!r} is unknown", advice)
        check_within(self, "adaptation")


@dataclass(frozen=True)
class ProtocolConfig:
    """Run systems over the folds of a split file.

    Args:
        seeds: of training; every fold of every system is trained with each.
        lm: language model to read with, its search tuned on each fold's validation recordings; empty reads greedily.
        lm_text: the text that it was built from, which must hold no test prompt.
        tune_minutes: minutes of validation recordings to tune the search on.
        tune_trials: configurations of the search that are tried.
        carry: whether the recordings of a session are read in order, each with the running statistics at the end of
            the one before; without it each begins anew.
        unlabelled_seconds: of each session, the first seconds that set its statistics before any of it is read; all:
            everything of the session does.
        align_turns: most electrodes by which a ring is turned back, as these seconds ask for.
        job_minutes: minutes of held-out signal that one job of a network reads at most, one person after the other; a
            person with more has a job of their own. Fewer minutes make more jobs, which can run side by side.
        adaptation: how models adapt to a person.
        slurm: what SLURM gives each job, with `--engine slurm`.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {"calibration": "adaptation"}

    seeds: tuple[Annotated[int, Within(0, 2**32 - 1)], ...] = (0,)
    lm: str = ""
    lm_text: tuple[str, ...] = ()
    tune_minutes: Annotated[float, Within(0, 1e5)] = 10.0
    tune_trials: Annotated[int, Within(0, 1e6)] = 30
    carry: bool | tuple[str, ...] = True
    unlabelled_seconds: Annotated[float, Within(0, 1e7)] | Literal["all"] = 0.0
    align_turns: Annotated[int, Within(0, 1024)] = 0
    job_minutes: Annotated[float, Within(0, 1e6)] = 60.0
    adaptation: AdaptationConfig = field(default_factory=AdaptationConfig)
    slurm: SlurmConfig = field(default_factory=SlurmConfig)

    def __post_init__(self) -> None:
        check_within(self, "")
        if isinstance(self.carry, tuple):
            warn("emgasr: carry names no lists any more: all lists are carried; write true or false")
            object.__setattr__(self, "carry", bool(self.carry))
