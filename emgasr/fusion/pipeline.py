"""A folder with a fusion.yaml, or a model's, in; what reads recordings and streams by it out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import Any, cast

from emgasr.corpora.single import open_single
from emgasr.decoding.search_file import search_beside
from emgasr.errors import ConfigError, DataError, EmgasrError
from emgasr.frontend.session import SessionConfig
from emgasr.fusion.config import is_fusion
from emgasr.fusion.reading import EnsembleReader
from emgasr.fusion.stream import FusedStream
from emgasr.fusion.system import Ensemble
from emgasr.language import LanguageFiles, language_in
from emgasr.models.folder import DEMO, SEARCH_NAME
from emgasr.models.recognizer import Recognizer
from emgasr.models.session import SessionReader
from emgasr.pipeline import Input, Pipeline
from emgasr.recording import Recording, Signal
from emgasr.streaming.profile import model_folder
from emgasr.streaming.rules import StreamConfig, rules_of
from emgasr.streaming.stream import Stream
from emgasr.transcript import Transcript


@dataclass(frozen=True, eq=False)
class FusedPipeline(Pipeline):
    """Several models that answer together, with all that they read by: what `emgasr.load` returns of a fusion."""

    @property
    def ensemble(self) -> Ensemble:
        """The models."""
        return cast(Ensemble, self.recognizer)

    @classmethod
    def of_folder(
        cls,
        model: str | Path,
        device: str = "auto",
        language: LanguageFiles | EllipsisType | None = ...,
        recognizer: Recognizer | None = None,
    ) -> FusedPipeline:
        """Load a fusion with what its folder holds; `language` other than ... takes the place of its own.

        Raises:
            ModelError: fusion.yaml is damaged, or a model is missing or has changed.
        """
        folder = Path(model)
        ensemble = recognizer or cast(Recognizer, Ensemble.load(folder, device))
        files = language_in(folder) if language is ... else language
        search, origin = search_beside(folder / SEARCH_NAME)
        pipeline = cls(ensemble, search=search, origin=origin, rules=rules_of(folder), folder=folder)
        return pipeline if files is None else cast(FusedPipeline, pipeline.knowing(files))

    def read_each(
        self,
        inputs: Sequence[Input],
        nbest: int = 1,
        batch_size: int | None = None,
        session: SessionConfig | None = None,
    ) -> Iterator[Transcript | EmgasrError]:
        """Yield the transcript of each input in order, one at a time."""
        return super().read_each(inputs, nbest, batch_size or 1, session)

    def stream(
        self, *, config: StreamConfig | None = None, sources: Sequence[Signal] | None = None, **asked: Any
    ) -> Stream:
        """Open a stream to feed samples of one source or of several.

        Args:
            config: when keys are shown and become final; None: `live`.
            sources: the signal of each source; None: one with the bands of all models.
            asked: what to read with instead: `lm` to `search` of `changed`.
        """
        pipeline = self.changed(**asked) if asked else self
        search = pipeline.beam_search()
        return cast(Stream, FusedStream(self.ensemble, search, config or pipeline.live, sources))

    def second_search(self, fallback: bool = False, keep: bool = False) -> None:
        """Return None: several models together have no second pass.

        Raises:
            ConfigError: One is asked for.
        """
        if self.second is not None:
            raise ConfigError("second pass", "does not go with several models together", "read without --second-pass")

    def _session_reader(self, session: SessionConfig | None) -> SessionReader:
        return cast(SessionReader, EnsembleReader(self.ensemble, session))

    def _recording(self, given: Any) -> Recording:
        if isinstance(given, str | Path):
            given = open_single(given)
        elif callable(given) and not isinstance(given, Recording):
            given = given()
        if not isinstance(given, Recording):
            advice = "give a path or an emgasr.Recording, whose bands are named as the systems' are"
            raise DataError("transcribe", f"got a {type(given).__name__}, not a recording", advice)
        return given


def pipeline_of_folder(
    model: str | Path,
    device: str = "auto",
    language: LanguageFiles | EllipsisType | None = ...,
    recognizer: Recognizer | None = None,
) -> Pipeline:
    """Load a model folder, a profile, a fusion, or a packaged model by its name, with what the folder holds."""
    folder = model_folder(model)[0]
    if is_fusion(folder):
        return FusedPipeline.of_folder(folder, device, language)
    return Pipeline.of_folder(model, device, language, recognizer)


def load(model: str | Path = DEMO, device: str = "auto", *, lm: Any = ..., **asked: Any) -> Pipeline:
    """Load what `pipeline_of_folder` does, reading with something else where that is asked for; see `emgasr.load`."""
    folder = model_folder(model)[0]
    if is_fusion(folder):
        return FusedPipeline.of_folder(folder, device, ... if lm is ... else None).changed(lm=lm, **asked)
    return Pipeline.load(model, device, lm=lm, **asked)
