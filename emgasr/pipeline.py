"""A model folder in; recognizer, language, search and live rules together, which read recordings and streams, out."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import EllipsisType
from typing import Any, Literal, overload

from emgasr.confidence.beside import Beside, Fitting
from emgasr.confidence.model import reading_sha256
from emgasr.config.parsing import to_mapping
from emgasr.corpora.kinds import marks_rest
from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.decoding.held import Held
from emgasr.decoding.search_file import Origin, described, read_tuned_search, search_beside
from emgasr.errors import ConfigError, EmgasrError
from emgasr.frontend.session import SessionConfig
from emgasr.language import Language, LanguageFiles, language_in, read_language
from emgasr.models.folder import DEMO, SEARCH_NAME, SECOND_NAME, load_recognizer
from emgasr.models.listening import Heard
from emgasr.models.recognizer import Recognizer
from emgasr.models.session import SessionReader
from emgasr.recording import Recording
from emgasr.rescoring.second_file import SecondPassFile, read_second_pass
from emgasr.rescoring.second_pass import SecondPass
from emgasr.rescoring.segments import SecondSearch
from emgasr.streaming.activity import RestLevel
from emgasr.streaming.delay import step_frames
from emgasr.streaming.profile import model_folder
from emgasr.streaming.rules import LiveRules, StreamConfig, rules_of
from emgasr.streaming.stream import Stream
from emgasr.transcribe import Input, recording_of, transcript_of
from emgasr.transcript import Transcript

WEIGHTS = ("lm_weight", "length_bonus", "acoustic_scale", "backspace_penalty", "word_bonus")
BATCH = 8  # recordings that share a forward pass on a GPU; on a CPU one alone is as fast, and takes less memory


@dataclass(frozen=True, eq=False)
class Pipeline:
    """A recognizer with all that it reads by: the one way from samples to text, for Python and every verb alike.

    Args:
        recognizer: the acoustic model.
        language: what the search knows of language; None: emissions are read greedily.
        search: how the search weighs and prunes, `origin` where that comes from.
        rules: when a live reading finalizes keys.
        rest: the level of rest of a person, from their profile; None: unknown.
        folder: the model folder; None: it was made in memory.
        notes: what does not fit or was left out on the way, a line each.
        second: the second pass over what the search finds; None: there is none.
        beside: the confidence and the operating point that lie beside the weights; see `sure`.
    """

    recognizer: Recognizer
    language: Language | None = None
    search: SearchConfig = field(default_factory=SearchConfig)
    origin: Origin = field(default_factory=Origin)
    rules: LiveRules = field(default_factory=LiveRules)
    rest: RestLevel | None = None
    folder: Path | None = None
    notes: tuple[str, ...] = ()
    beside: Beside = field(default_factory=Beside)
    second: SecondPassFile | None = None

    @classmethod
    def load(cls, model: str | Path = DEMO, device: str = "auto", *, lm: Any = ..., **asked: Any) -> Pipeline:
        """Load a model folder, a profile folder or the packaged model ("demo"); see `emgasr.load`.

        Args:
            lm, asked: see `changed`.
        """
        files = ... if lm is ... else None
        return cls.of_folder(model, device, files).changed(lm=lm, **asked)._warning()

    @classmethod
    def of_folder(
        cls,
        model: str | Path,
        device: str = "auto",
        language: LanguageFiles | EllipsisType | None = ...,
        recognizer: Recognizer | None = None,
    ) -> Pipeline:
        """Load a model folder with what it holds; `language` other than ... takes the place of its own.

        A `recognizer` reads in place of the folder's own, as of an aligned model with labels (`emgasr.crossmodal`).

        Raises:
            ModelError: The folder is missing, damaged, or of another format.
            ConfigError: The device is not there, or a file beside the weights is wrong.
        """
        folder, profile = model_folder(model)
        recognizer = recognizer or load_recognizer(folder, device)
        files = language_in(folder) if language is ... else language
        search, origin = search_beside(folder / SEARCH_NAME)
        pipeline = cls(
            recognizer,
            search=search,
            origin=origin,
            rules=rules_of(folder),
            rest=profile.rest(recognizer.signal.bands) if profile else None,
            folder=folder,
            beside=Beside.read(folder),
            second=read_second_pass(folder / SECOND_NAME) if os.path.lexists(folder / SECOND_NAME) else None,
        )
        return pipeline if files is None else pipeline.knowing(files)

    def knowing(self, files: LanguageFiles | None) -> Pipeline:
        """Return the same with another knowledge of language; None: none, so that it reads greedily."""
        if files is None:
            return replace(self, language=None, notes=())
        language = read_language(files, self.recognizer.tokens)
        return replace(self, language=language, notes=(*language.notes, *self.origin.mistuned(language.checksum)))

    def searching(self, search: str | Path | SearchConfig | None = None, **changes: Any) -> Pipeline:
        """Return the same with another search.

        Args:
            search: weights, or a file of them as `emgasr tune` writes it; None: as they are.
            changes: fields of `SearchConfig` that go over either.
        """
        config, origin = self.search, self.origin
        if isinstance(search, SearchConfig):
            config, origin = search, Origin("weights as given")
        elif search is not None:
            if not isinstance(search, str | Path):
                raise ConfigError("search", f"is of type {type(search).__name__}", "give a SearchConfig or a file")
            config, lm_sha256 = read_tuned_search(search)
            origin = Origin("weights as given", str(search), lm_sha256)
        weights = {name for name in WEIGHTS if name in changes}
        if weights:
            of_file = origin.source.startswith("weights of")
            origin = replace(origin, source=f"{origin.source}, some as given" if of_file else "weights as given")
        if {*WEIGHTS[:4]} <= weights:  # none of the file's weights is left
            origin = replace(origin, file="")
        changed = replace(self, search=replace(config, **changes), origin=origin)
        language = self.language
        notes = () if language is None else (*language.notes, *origin.mistuned(language.checksum))
        return replace(changed, notes=notes)

    def changed(
        self,
        *,
        lm: Any = ...,
        lexicon: str | Path | None = None,
        character_lm: Any = None,
        hotwords: Any = None,
        beam: int | None = None,
        search: str | Path | SearchConfig | None = None,
    ) -> Pipeline:
        """Return the same that reads with something else; what is left out stays as it is.

        Args:
            lm: a language model, or its file, in place of all knowledge of language; None: read greedily.
            lexicon: a file of the words that `lm` is a model of.
            character_lm: with a lexicon, the model (or its file) that spells other words.
            hotwords: phrases to expect, or phrases with boosts in nats, or a file of them.
            beam: hypotheses kept after each frame.
            search: a SearchConfig, or a file of weights as `emgasr tune` writes it.

        Raises:
            ConfigError: Something needs a language model, or cannot be.
        """
        found = {"lexicon": lexicon, "character_lm": character_lm, "hotwords": hotwords}
        files = {name: value for name, value in found.items() if value is not None}
        changes = {} if beam is None else {"beam": beam}
        pipeline = self
        if lm is not ... or files:
            held = self.language.files if lm is ... and self.language is not None else LanguageFiles()
            asked = replace(held, **files) if lm is ... else replace(held, lm=lm, **files)
            asked.check()
            pipeline = self.knowing(asked if asked.lm is not None else None)
        if not changes and search is None:
            return pipeline
        if pipeline.language is None:
            raise ConfigError("beam" if changes else "search", "needs a language model", "pass lm=FILE")
        return pipeline.searching(search, **changes)

    @property
    def reading(self) -> str:
        """How emissions are read, in a line for people."""
        if self.language is None:
            return "greedy"
        other = ", tuned for another language model" if self.origin.mistuned(self.language.checksum) else ""
        lm = self.language.files.lm
        own = f"; {Path(lm).name} of {self.folder}" if isinstance(lm, Path) and lm.parent == self.folder else ""
        return f"{described(self.search)}; {self.origin.source}{other}{own}"

    @property
    def lm_name(self) -> str:
        """The name of the language model's file; empty without one."""
        lm = None if self.language is None else self.language.files.lm
        return Path(lm).name if isinstance(lm, str | Path) else ""

    @property
    def live(self) -> StreamConfig:
        """How a stream shows and finalizes keys: the model's rules, the person's level of rest."""
        return StreamConfig(**asdict(self.rules), rest=self.rest)

    def beam_search(self, nbest: int = 1) -> BeamSearch | None:
        """Return the search that emissions are read by, for the best `nbest` hypotheses; None: they are read greedily.

        Raises:
            ConfigError: The beam holds fewer hypotheses, or there is no search to give several.
        """
        if self.language is None:
            if nbest != 1:
                raise ConfigError("nbest", "needs a search with a language model", "pass lm=FILE")
            return None
        if nbest == 1:
            return self._search
        config = replace(self.search, n_best=nbest)
        if self.second is not None:
            raise ConfigError("nbest", "of a second pass is one", "read without it")
        if nbest > config.beam:
            raise ConfigError("nbest", f"is {nbest}, and the beam holds {config.beam}", f"pass beam={nbest} too")
        return BeamSearch(self.recognizer.tokens, self.language.lm, config, self.language.hotwords)

    def second_search(self, fallback: bool = False, keep: bool = False) -> SecondSearch | None:
        """Return both passes as one search, None without a second; `fallback` keeps the first where it fails."""
        if self._search is None or self._second is None:
            return None
        second = self._second.falling_back() if fallback else self._second
        return SecondSearch(self._search, second, self.recognizer.frame_rate_hz, step_frames(self.recognizer), keep)

    @cached_property
    def _second(self) -> SecondPass | None:
        second = self.second
        return None if second is None else second.open(self.recognizer.tokens, self.search.lm_weight)

    @overload
    def transcribe(self, inputs: Input, **options: Any) -> Transcript: ...

    @overload
    def transcribe(self, inputs: list[Input], **options: Any) -> list[Transcript]: ...

    def transcribe(
        self,
        inputs: Input | list[Input],
        *,
        nbest: int = 1,
        batch_size: int | None = None,
        carry: bool = True,
        unlabelled_seconds: float | Literal["all"] = 0.0,
        align_turns: int = 0,
        **asked: Any,
    ) -> Transcript | list[Transcript]:
        """Read one recording, or several in a list, whose transcripts come in order.

        A recording is a path, a `Recording`, a function that opens one, or a pair of samples (T, C) and their rate in
        Hz, in the model's unit and with its electrodes. A path of bare samples (.npy, .wav, a table) is a take with the
        model's rate and unit, where its file does not say them. Values that no amplifier gives are filled in or passed
        over, as `Transcript.notes` say. Recordings of one subject and session are read in order, each with the
        statistics at the end of the one before.

        Args:
            nbest: hypotheses in `Transcript.nbest`, where there is a search.
            batch_size: recordings that share a forward pass; None: 8 on a GPU, 1 on a CPU. Emissions equal those of
                one alone to 1e-4. Memory grows with it, and not with the recordings' length.
            carry: whether statistics go on through a session; without it each recording begins anew.
            unlabelled_seconds: the session's first seconds, which set its statistics before any of it is read; "all":
                everything of the session does.
            align_turns: most electrodes by which a ring is turned back, as these seconds ask for.
            asked: what to read with instead, for this call: `lm` to `search` of `changed`.

        Raises:
            RecordingError: A recording cannot be read, or its rate, unit or electrodes are not the model's.
            DataError: An input is none of these.
        """
        pipeline = self.changed(**asked)._warning() if asked else self
        found = []
        given = inputs if isinstance(inputs, list) else [inputs]
        session = SessionConfig(carry, unlabelled_seconds, align_turns)
        for transcript in pipeline.read_each(given, nbest, batch_size, session):
            if isinstance(transcript, EmgasrError):
                raise transcript
            found.append(transcript)
        return found if isinstance(inputs, list) else found[0]

    def read_each(
        self,
        inputs: Sequence[Input],
        nbest: int = 1,
        batch_size: int | None = None,
        session: SessionConfig | None = None,
    ) -> Iterator[Transcript | EmgasrError]:
        """Yield the transcript of each input in order; in place of one that cannot be read, the error that says why.

        What cannot be read adds nothing to the statistics of its session.
        """
        if batch_size is None:
            batch_size = 1 if self.recognizer.head.weight.device.type == "cpu" else BATCH
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ConfigError("batch_size", f"is {batch_size!r}", "give 1 or more")
        search = self.reader if nbest == 1 else self.beam_search(nbest)
        reader = self._session_reader(session)
        if reader.looks_ahead:
            reader.begin(lambda: self._readable(inputs))
        for first in range(0, len(inputs), batch_size):
            opened = [_kept_error(self._recording, one) for one in inputs[first : first + batch_size]]
            good = [one for one in opened if isinstance(one, Recording)]
            together = _kept_error(reader.listen_together, good) if len(good) > 1 else None
            # Whose an error is, reading each alone says.
            each = together if isinstance(together, list) else [_kept_error(reader.listen, one) for one in good]
            heard: Iterator[Heard | EmgasrError] = iter(each)
            for one in opened:
                found = one if isinstance(one, EmgasrError) else next(heard)
                if isinstance(found, Heard):
                    found = _kept_error(transcript_of, self.recognizer, one, found, search, self.sure)
                yield found

    def _session_reader(self, session: SessionConfig | None) -> SessionReader:
        return SessionReader(self.recognizer, session)

    def stream(self, *, config: StreamConfig | None = None, **asked: Any) -> Stream:
        """Open a stream to feed samples: a context manager that closes it.

        Args:
            config: when keys are shown and become final; None: `live`.
            asked: what to read with instead: `lm` to `search` of `changed`.
        """
        pipeline = self.changed(**asked)._warning() if asked else self
        config = config or pipeline.live
        if isinstance(config, StreamConfig):  # Stream says what else it is
            config = replace(config, min_confidence=max(config.min_confidence, pipeline.sure.least))
        reader = pipeline.second_search(fallback=True) or pipeline.first_reader
        return Stream(pipeline.recognizer, reader, config, pipeline.sure.confidence)

    @cached_property
    def sure(self) -> Fitting:
        """The calibrated confidence and the operating point, as far as they belong to this way of reading."""
        return self.beside.fitting(self.reading_sha256, self.language is not None)

    @property
    def reader(self) -> BeamSearch | SecondSearch | Held | None:
        """What emissions are read by: two passes, a search, or an operating point of held labels; None: greedily."""
        return self.second_search() or self.first_reader

    @cached_property
    def first_reader(self) -> BeamSearch | Held | None:
        """What emissions are read by without a second pass."""
        if (point := self.sure.held) is None:
            return self.beam_search()
        return Held(self.recognizer.tokens, point, self.recognizer.frame_rate_hz, self.resting)

    @property
    def resting(self) -> tuple[int, ...]:
        """The ids that mark rest: the blank, and labels that say so."""
        return (0, *(place for place, symbol in enumerate(self.recognizer.tokens.symbols) if marks_rest(symbol)))

    @property
    def reading_sha256(self) -> str:
        """A checksum of how emissions are read: symbols, search and language model, second pass, or operating point."""
        search, lm = (None, "") if self.language is None else (self.search, self.language.checksum)
        held = self.beside.held(self.language is not None)
        more = None if held is None else to_mapping(held)
        if self.second is not None and self.language is not None:
            more = self.second.identity
        return reading_sha256(self.recognizer.tokens, search, lm, more)

    @cached_property
    def _search(self) -> BeamSearch | None:
        if self.language is None:
            return None
        config = replace(self.search, n_best=1)
        return BeamSearch(self.recognizer.tokens, self.language.lm, config, self.language.hotwords)

    def _readable(self, inputs: Sequence[Input]) -> Iterator[Recording]:
        opened = (_kept_error(self._recording, given) for given in inputs)
        return (one for one in opened if isinstance(one, Recording))

    def _recording(self, given: Any) -> Recording:
        return recording_of(given, self.recognizer)

    def _warning(self) -> Pipeline:
        """The same, its notes logged as warnings: for who reads none."""
        for note in (*self.notes, *self.sure.notes):
            logging.getLogger(__name__).warning("%s", note)
        return self


def _kept_error(do: Any, *arguments: Any) -> Any:
    """What a function returns, or the error that it ends in."""
    try:
        return do(*arguments)
    except EmgasrError as error:
        return error
