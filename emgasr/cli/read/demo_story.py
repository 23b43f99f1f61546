"""A simulated person and the packaged model in; their typing read before and after calibration, and a report, out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.decoding import BeamSearch, Hypothesis
from emgasr.errors import ModelError
from emgasr.evaluation.evaluate import Evaluation, evaluate
from emgasr.evaluation.items import items_of
from emgasr.evaluation.report import write_report
from emgasr.evaluation.results import Result, write_hypotheses, write_results
from emgasr.models.folder import LM_NAMES, SEARCH_NAME
from emgasr.pipeline import Pipeline
from emgasr.recording import Recording
from emgasr.simulate import SPLIT_SEEDS, Person, default_prompts, simulate_person, simulate_session
from emgasr.training.config import PERSONAL_FIT, PersonalizeConfig
from emgasr.training.personalize import Personalized, personalize

TYPED_MINUTES = 1.0
_CALIBRATION_SESSION, _TYPED_SESSION = 0, 1  # the rings are taken off and put on again in between
_SHOWN_FRAMES = 8  # frames searched between two looks at the text


def load(folder: Path) -> Pipeline:
    """Load a model folder that holds a language model and a tuned search beside the weights; a ModelError if not."""
    pipeline = Pipeline.of_folder(folder)
    lacking = [] if pipeline.language is not None else [LM_NAMES[1]]
    lacking += [] if pipeline.origin.file else [SEARCH_NAME]
    if lacking:
        raise ModelError(folder, f"has no {lacking[0]}", "recipes/demo_model/run.sh shows how it is made")
    return pipeline


def unseen_person(number: int) -> Person:
    """Test person `number` (0 or more): their seed lies in a range that training never draws people from."""
    return simulate_person(SPLIT_SEEDS["test"][number])


def typed_minute(person: Person) -> Recording:
    """The person types test sentences, which neither the model nor its language model has seen."""
    return simulate_session(person, _TYPED_SESSION, prompts=default_prompts("test"), minutes=TYPED_MINUTES)


def calibration(person: Person, minutes: float) -> Recording:
    """The person types training sentences in another session, to be learned from."""
    return simulate_session(person, _CALIBRATION_SESSION, prompts=default_prompts("train"), minutes=minutes)


def read(
    pipeline: Pipeline, recording: Recording, system: str, show: Callable[[int, str], None], **more: Any
) -> Evaluation:
    """Read and judge the typed minute; `show` receives the frames searched and the text so far as it grows."""
    recognizer, language, search = pipeline.recognizer, pipeline.language, pipeline.beam_search()
    assert language is not None  # `load` has seen to it
    assert search is not None
    settings: dict[str, object] = {
        "encoder": f"{recognizer.config.encoder.kind}, {recognizer.parameter_count:,} parameters",
        "language model": language.settings["language model"].removeprefix(f"{pipeline.folder}/"),
        "search": f"weights of {SEARCH_NAME}, tuned on validation people",
        "person": f"{recording.subject}, simulated, never seen in training",
        **more,
    }
    return evaluate(
        items_of(recognizer, [(recording.session, recording)]),
        recognizer.tokens,
        _Watched(search, show),
        system=system,
        settings=settings,
    )


def calibrate(
    pipeline: Pipeline, recording: Recording, minutes: float, folder: Path, report: Callable[[dict[str, Any]], None]
) -> Personalized:
    """Fit the model to a person for some `minutes` of wall-clock time; `folder`/model receives the result.

    Raises KeyboardInterrupt when Ctrl-C stopped it.
    """
    config = PersonalizeConfig(fit=replace(PERSONAL_FIT, minutes=minutes))
    assert pipeline.folder is not None  # it was loaded from one
    result = personalize(pipeline.folder, [recording], config, folder, report)
    if result.interrupted:
        raise KeyboardInterrupt
    return result


def write_findings(folder: Path, results: Sequence[tuple[Evaluation, list[Result]]], title: str) -> None:
    """Write results.json, hypotheses.jsonl and report.html."""
    write_results(folder / "results.json", [result.as_dict() for _, table in results for result in table])
    write_hypotheses(folder / "hypotheses.jsonl", [evaluation for evaluation, _ in results])
    write_report(folder / "report.html", results, title)


class _Watched:
    """A search in chunks, which gives the same result as in one, with a look at the text after each."""

    def __init__(self, search: BeamSearch, show: Callable[[int, str], None]) -> None:
        self.lm, self._search, self._show = search.lm, search, show

    def whole(self, emissions: np.ndarray) -> list[Hypothesis]:
        """Search the whole utterance (F, V)."""
        state = self._search.start()
        for start in range(0, len(emissions), _SHOWN_FRAMES):
            state = self._search.step(emissions[start : start + _SHOWN_FRAMES], state)
            self._show(state.frames_seen, self._search.tokens.render(self._search.flush(state)[0].ids))
        return self._search.flush(state)
