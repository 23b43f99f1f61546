"""A simulated person and the packaged model in; their typing read before and after calibration, and a report, out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.decoding import BeamSearch, Hypothesis, SearchConfig
from emgasr.decoding.search_file import read_search_config
from emgasr.errors import ModelError
from emgasr.evaluation.evaluate import Evaluation, evaluate
from emgasr.evaluation.items import items_of
from emgasr.evaluation.report import write_report
from emgasr.evaluation.results import Result, write_hypotheses, write_results
from emgasr.lm import NGramModel, read_model
from emgasr.models.folder import SEARCH_NAME, load_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording
from emgasr.simulate import SPLIT_SEEDS, Person, default_prompts, simulate_person, simulate_session
from emgasr.training.config import PERSONAL_FIT, PersonalizeConfig
from emgasr.training.personalize import Personalized, personalize

TYPED_MINUTES = 1.0
LM_NAME = "lm.arpa.gz"
_CALIBRATION_SESSION, _TYPED_SESSION = 0, 1  # the rings are taken off and put on again in between
_SHOWN_FRAMES = 8  # frames searched between two looks at the text


@dataclass(frozen=True)
class Reader:
    """A recognizer with the language model and the tuned search that belong to it."""

    folder: Path
    recognizer: Recognizer
    lm: NGramModel
    search: SearchConfig

    @staticmethod
    def load(folder: Path) -> Reader:
        """Read a model folder with lm.arpa.gz and search.yaml beside the weights; a ModelError if there is none."""
        recognizer = load_recognizer(folder)
        for name in (LM_NAME, SEARCH_NAME):
            if not (folder / name).is_file():
                raise ModelError(folder, f"has no {name}", "recipes/demo_model/run.sh shows how it is made")
        return Reader(folder, recognizer, read_model(folder / LM_NAME), read_search_config(folder / SEARCH_NAME))


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
    reader: Reader, recording: Recording, system: str, show: Callable[[int, str], None], **more: Any
) -> Evaluation:
    """Read and judge the typed minute; `show` receives the frames searched and the text so far as it grows."""
    settings: dict[str, object] = {
        "encoder": f"{reader.recognizer.config.encoder.kind}, {reader.recognizer.parameter_count:,} parameters",
        "language model": f"{LM_NAME} (order {reader.lm.order})",
        "search": f"weights of {SEARCH_NAME}, tuned on validation people",
        "person": f"{recording.subject}, simulated, never seen in training",
        **more,
    }
    return evaluate(
        items_of(reader.recognizer, [(recording.session, recording)]),
        reader.recognizer.tokens,
        _Watched(BeamSearch(reader.recognizer.tokens, reader.lm, reader.search), show),
        system=system,
        settings=settings,
    )


def calibrate(
    reader: Reader, recording: Recording, minutes: float, folder: Path, report: Callable[[dict[str, Any]], None]
) -> Personalized:
    """Fit the reader's model to a person for some `minutes` of wall-clock time; `folder`/model receives the result.

    Raises KeyboardInterrupt when Ctrl-C stopped it.
    """
    config = PersonalizeConfig(fit=replace(PERSONAL_FIT, minutes=minutes))
    result = personalize(reader.folder, [recording], config, folder, report)
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
