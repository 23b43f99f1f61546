"""The words after a source's kind ("board=-1,unit=uV") in; checked values, or one line on a bad one, out."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import cast

from emgasr.errors import ConfigError, DataError
from emgasr.recording import HIGHEST_HZ, LOWEST_HZ, MONTAGES, UNITS, Band, Montage, electrode_count

# The options of `emgasr condition`, which any spec may hold.
CONDITIONING = ("highpass_hz", "lowpass_hz", "order", "mains", "notch_q", "rate_hz")


@dataclass
class Spec:
    """Options of a source, which its opener takes one by one; `done` then refuses those that it did not take."""

    kind: str
    bare: str  # what stands before the first option: a path
    options: dict[str, str]
    _known: list[str] = field(default_factory=list)

    @staticmethod
    def parse(kind: str, text: str) -> Spec:
        """Split "PATH,key=value,key=value"; a path may hold commas, as long as what follows them is no option."""
        parts = text.split(",")
        first = len(parts)
        while first > 0 and _is_option(parts[first - 1], whole=first == 1 and kind == "file"):
            first -= 1
        pairs = [part.partition("=") for part in parts[first:]]
        options: dict[str, str] = {}
        for key, _, value in pairs:
            if key in options:
                raise ConfigError(f"source {kind}", f"{key} is given twice", "give it once")
            options[key] = value
        return Spec(kind, ",".join(parts[:first]), options)

    def text(self, key: str, default: str | None = None, choices: Sequence[str] = ()) -> str:
        """The value of `key`; a ConfigError if it is missing and has no default, or is none of the choices."""
        self._known.append(key)
        value = self.options.get(key, default)
        if value is None:
            raise ConfigError(self.where, f"does not say its {key}", f"add {key}=… to the source")
        if choices and value not in choices:
            raise ConfigError(self.where, f"{key}={value} is not known", f"choose {', '.join(choices)}")
        return value

    def number(self, key: str, default: float | None = None, least: float = 0.0, most: float = math.inf) -> float:
        """A finite number within least to most."""
        value = self.text(key, None if default is None else repr(default))
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and least <= number <= most):
            limits = f"from {least:g}" + ("" if most == math.inf else f" to {most:g}")
            raise ConfigError(self.where, f"{key}={value} cannot be", f"give a number {limits}")
        return number

    def integer(self, key: str, default: int | None = None, least: int = 0, most: float = math.inf) -> int:
        """A whole number within least to most."""
        number = self.number(key, default, least, most)
        if number != int(number):
            raise ConfigError(self.where, f"{key}={number:g} is not whole", "give a whole number")
        return int(number)

    def rate_hz(self) -> float:
        """The declared rate in Hz."""
        return self.number("rate", least=LOWEST_HZ, most=HIGHEST_HZ)

    def unit(self, stated: str | None = None) -> str:
        """The unit: what the device `stated`, or else what the spec tells; they must not differ."""
        told = self.text("unit", stated, choices=UNITS) if stated or "unit" in self.options else None
        if told is None:
            self._known.append("unit")
            raise ConfigError(
                self.where, "does not state its unit", "add unit=uV if its samples are microvolts, unit=counts if not"
            )
        if stated is not None and told != stated:
            raise ConfigError(self.where, f"is in {stated}, not in {told}", "leave unit out")
        return told

    def bands(self, channels: int | None = None, labels: Sequence[str] = ()) -> tuple[Band, ...]:
        """Bands as "bands=left:16+right:16", rings with ring=yes, of one montage; else a band "emg" of all channels.

        `channels` is how many the device has; without it the spec must tell bands or channels. `labels` name them.
        """
        ring = self.text("ring", "no", choices=("yes", "no")) == "yes"
        montage = cast(Montage, self.text("montage", "", choices=("", *MONTAGES)))
        known = self.text("bands", "")
        count = self.integer("channels", channels if channels or known else None, least=1) if not known else 0
        bands = self._described(known, ring, montage) if known else (Band.numbered("emg", count, ring, montage),)
        total = electrode_count(bands)
        if channels is not None and total != channels:
            raise ConfigError(self.where, f"has {channels} channels, the spec tells {total}", "describe every channel")
        if len(set(labels)) != total:
            return bands
        rest = iter(labels)
        return tuple(replace(band, electrodes=tuple(islice(rest, len(band.electrodes)))) for band in bands)

    def done(self) -> None:
        """Refuse options that no one took."""
        for key in self.options:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, n=1)
                advice = f"did you mean {near[0]}?" if near else f"it knows {', '.join(sorted(set(self._known)))}"
                raise ConfigError(self.where, f"has no option {key!r}", advice)

    @property
    def where(self) -> str:
        """For messages."""
        return f"source {self.kind}"

    def _described(self, words: str, ring: bool, montage: Montage) -> tuple[Band, ...]:
        try:
            bands = tuple(Band.of_word(word, ring, montage) for word in words.split("+"))
        except DataError as error:
            raise ConfigError(self.where, f"bands: {error.wrong}", "write them as left:16+right:16") from error
        if len({band.name for band in bands}) != len(bands):
            raise ConfigError(self.where, f"bands={words} has two bands of one name", "name them differently")
        return bands


def _is_option(part: str, whole: bool) -> bool:
    key, equals, _ = part.partition("=")
    return not whole and equals == "=" and key.replace("_", "").isalpha() and key.islower()
