"""Texts in, ln p of each under any causal language model (of transformers, or a .gguf) out; nothing is fetched."""

from __future__ import annotations

import importlib.util
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emgasr.errors import ConfigError, LanguageModelError
from emgasr.rescoring.contract import Segment
from emgasr.rescoring.llm_folder import check_causal
from emgasr.runtime.transformers_guard import prepare_transformers, quiet_transformers

_INSTALL = "pip install 'emgasr[llm]'"
_ADVICE = "fetch it again, or choose another"
_TOGETHER = 512  # tokens of texts that are read together: logits of 50,000 tokens each take 100 MB


class CausalScorer:
    """A scorer of kind llm, on the CPU in float32.

    A text is scored from its first token, in front of which stands the tokenizer's token of a beginning, or of an end
    where it has none, to its end. Of a context the tokens that all texts share count for none of them.

    Args:
        path: a folder of transformers with safetensors, or a .gguf file.

    Raises:
        ConfigError: transformers (for a .gguf also gguf and accelerate) is not installed.
        LanguageModelError: The model is missing, damaged or too large, or it would run code.
    """

    kind = "llm"

    def __init__(self, path: str | Path) -> None:
        checked = check_causal(path)
        self.name = checked.path.resolve().name
        self.checksum, self.memory_bytes = checked.checksum, checked.bytes
        self._model, self._tokenizer = _loaded(checked.path)
        self.memory_bytes = sum(value.nbytes for value in self._model.parameters())
        self._begin, self._end = _ends(self._tokenizer, checked.path)
        self._longest = int(getattr(self._model.config, "max_position_embeddings", 0) or 1 << 20)

    def score(self, segments: Sequence[Segment]) -> list[np.ndarray]:
        """Return ln p of each segment's texts; see the contract."""
        return [self._score(list(segment.texts), segment.context) for segment in segments]

    def _score(self, texts: list[str], context: str) -> np.ndarray:
        rows = [[*self._tokens(context + text), self._end] for text in texts]
        shared = _alike([*rows, [*self._tokens(context), self._end]])
        too_long = max(map(len, rows)) + 1 - self._longest
        if too_long > 0:  # the beginning of a long context is left out
            if too_long > shared:
                wrong = f"reads {self._longest} tokens, and a text has {max(map(len, rows)) - shared}"
                raise LanguageModelError(self.name, wrong, "end segments sooner (longest_s)")
            rows, shared = [row[too_long:] for row in rows], shared - too_long
        found = np.zeros(len(rows))
        order = sorted(range(len(rows)), key=lambda place: -len(rows[place]))
        while order:
            count = max(1, _TOGETHER // (len(rows[order[0]]) + 1))
            chosen, order = order[:count], order[count:]
            found[chosen] = self._ln_p([rows[place] for place in chosen], shared)
        if not np.isfinite(found).all():
            raise LanguageModelError(self.name, "gives scores that are no numbers", _ADVICE)
        return found

    @torch.inference_mode()
    def _ln_p(self, rows: Sequence[Sequence[int]], shared: int) -> np.ndarray:
        """ln p of each row's tokens behind the first `shared`; the longest row comes first."""
        width = len(rows[0])
        read = torch.full((len(rows), width), self._end)  # behind a row's end stands what no token before it sees
        for place, row in enumerate(rows):
            read[place, : len(row)] = torch.tensor(row)
        before = torch.cat([torch.full((len(rows), 1), self._begin), read[:, :-1]], 1)
        scores = self._model(input_ids=before, use_cache=False).logits.float()
        ln_p = scores.gather(2, read[..., None])[..., 0] - scores.logsumexp(2)
        counted = torch.tensor([[shared <= place < len(row) for place in range(width)] for row in rows])
        total: np.ndarray = (ln_p * counted).sum(1).double().numpy()
        return total

    def _tokens(self, text: str) -> list[int]:
        try:
            found: list[int] = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        except Exception as error:  # of a tokenizer without a token for unknown signs
            wrong = f"cannot cut {text[-40:]!r} into tokens ({str(error)[:80]})"
            raise LanguageModelError(self.name, wrong, "use a model of these signs") from error
        unknown = self._tokenizer.unk_token_id
        if unknown is not None and unknown in found and unknown not in (self._begin, self._end):
            wrong = f"does not know all signs of {text[-40:]!r}"
            raise LanguageModelError(self.name, wrong, "use a model of these signs")
        return found


def _ends(tokenizer: Any, path: Path) -> tuple[int, int]:
    """The tokens in front of a text and behind it."""
    end = tokenizer.eos_token_id
    if end is None:
        raise LanguageModelError(path, "has a tokenizer without an end of text, by which texts are scored", _ADVICE)
    begin = tokenizer.bos_token_id
    return int(end if begin is None else begin), int(end)


def _alike(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all rows begin with alike."""
    count = 0
    for tokens in zip(*rows, strict=False):
        if len(set(tokens)) > 1:
            break
        count += 1
    return count


def _loaded(path: Path) -> tuple[Any, Any]:
    """The library's model and tokenizer of checked files."""
    try:
        prepare_transformers()
        from transformers import AutoModelForCausalLM, AutoTokenizer

        lacking = [name for name in ("gguf", "accelerate") if importlib.util.find_spec(name) is None]
        if path.suffix == ".gguf" and lacking:
            raise ImportError(lacking[0], name=lacking[0])
    except ImportError as error:
        raise ConfigError("second pass", f"needs {error.name or 'transformers'} for {path}", _INSTALL) from error
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    # The bar of what unpacks a .gguf asks nobody but the terminal.
    with quiet_transformers(), redirect_stderr(io.StringIO()), _alone(path) as (folder, file):
        options |= {"gguf_file": file} if file else {}
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, **options)
            weights = {} if file else {"use_safetensors": True}
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, output_loading_info=True, **weights, **options
            )
            model, loading = loaded
        except MemoryError as error:
            raise LanguageModelError(path, "does not fit into memory", "use a smaller model") from error
        except Exception as error:  # whatever a library makes of a stranger's files
            lines = str(error).splitlines() or [""]
            if "can't allocate memory" in str(error):
                raise LanguageModelError(path, "does not fit into memory", "use a smaller model") from error
            wrong = f"cannot be loaded ({type(error).__name__}: {lines[0][:200]})"
            raise LanguageModelError(path, wrong, _ADVICE) from error
    if missing := sorted(loading["missing_keys"]):  # which the library would draw at random
        raise LanguageModelError(path, f"lacks {len(missing)} weights of its model ({missing[0]})", _ADVICE)
    for name, value in model.named_parameters():
        if not bool(value.isfinite().all()):
            raise LanguageModelError(path, f"holds weights that are not finite ({name})", _ADVICE)
    return model.eval(), tokenizer


@contextmanager
def _alone(path: Path) -> Iterator[tuple[str, str]]:
    """Yield a folder, and the name of a .gguf file that is alone in it: nothing beside it is read."""
    if path.suffix != ".gguf":
        yield str(path), ""
        return
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(path.resolve(), Path(folder) / "model.gguf")
        yield folder, "model.gguf"
