"""A stream of the Lab Streaming Layer in, a Source out: "lsl:name=armband", "lsl:type=EMG" or "lsl:source_id=…".

Samples carry the sender's own times, which are read as they are: smoothing would hide what was lost, and an offset
between the two clocks changes nothing.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.corpora.tables.units import volts
from emgasr.errors import ConfigError, RecordingError
from emgasr.recording import Band, electrode_count
from emgasr.sources.live import Disconnected, LiveConfig, LiveSource, bridging
from emgasr.sources.source import Source
from emgasr.sources.spec import Spec
from emgasr.sources.timeline import Packet, TimelineConfig

PREDICATES = ("name", "type", "source_id", "hostname")
STRINGS = 3  # cf_string, of the channel formats
AGAIN_S = 1.0  # a stream that is gone is looked for at most this long at once, so that a source can be closed
BUFFER_S = 60  # what the inlet keeps for a reader that does not come
# Where liblsl looks for its user's settings; it takes others only instead of them.
SETTINGS = ("lsl_api.cfg", "~/lsl_api/lsl_api.cfg", "/etc/lsl_api/lsl_api.cfg")
SENDER_TOLERANCE_S = 0.02  # senders stamp when they push: late by what else their computer does


def open_source(spec: Spec) -> Source:
    """The options name, type, source_id, hostname (at least one), wait_s, and unit, rate (if it tells none) and bands.

    A stream may call its rate irregular (nominal 0), as some senders of samples do: its times are then read by the rate
    that is declared.
    """
    try:
        import pylsl  # noqa: F401
    except ImportError as error:
        raise ConfigError(spec.where, "needs pylsl", "pip install 'emgasr[live]'") from error
    except (RuntimeError, OSError) as error:  # its own way of telling that liblsl is missing
        raise ConfigError(spec.where, "pylsl finds no liblsl", "install liblsl, or pylsl from a wheel") from error
    _keep_quiet()
    wanted = {name: value for name in PREDICATES if (value := spec.text(name, ""))}
    if not wanted:
        raise ConfigError(spec.where, "does not say which stream", "give name=…, type=… or source_id=…")
    wait_s = spec.number("wait_s", 5.0, least=0.1)
    inlet = Inlet(wanted, wait_s)
    info = inlet.describe()
    if info.channel_format() == STRINGS:
        raise RecordingError(inlet.name, "sends texts", "give a stream of samples, not of markers")
    rate_hz = _rate_hz(spec, float(info.nominal_srate()), inlet.name)
    channels = _channels(info)
    stated = _unit(channels, inlet.name)
    inlet.rate_hz, inlet.nominal_hz = rate_hz, float(info.nominal_srate())
    inlet.unit = spec.unit(stated[0] if stated else None)
    inlet.scale = stated[1] if stated else 1.0
    inlet.bands = spec.bands(int(info.channel_count()), tuple(channel.get("label", "") for channel in channels))
    live = LiveConfig.of(spec)
    tolerance_s = spec.number("tolerance_ms", 1000 * SENDER_TOLERANCE_S, least=0.1) / 1000
    timeline = TimelineConfig(
        inlet.rate_hz,
        int(info.channel_count()),
        tolerance_s=tolerance_s,
        unit=inlet.unit,
        **bridging(spec),  # type: ignore[arg-type]
    )
    spec.done()
    inlet.open()
    return LiveSource(inlet, timeline, live, inlet.name)


class Inlet:
    """A Device over the one stream that answers to all of `wanted`; found again by the same words when it is gone."""

    rate_hz = 0.0
    nominal_hz = 0.0  # as the stream tells it; 0: it does not
    unit = ""
    bands: tuple[Band, ...] = ()
    scale = 1.0

    def __init__(self, wanted: dict[str, str], wait_s: float) -> None:
        self.wanted = wanted
        self.wait_s = wait_s
        self.name = "lsl " + ",".join(f"{key}={value}" for key, value in wanted.items())
        self._inlet: Any = None
        self._opened = False

    def find(self, wait_s: float) -> Any:
        """The stream, without its description; a RecordingError if there is none, or more than one."""
        import pylsl

        predicate = " and ".join(f"{key}='{value}'" for key, value in self.wanted.items())
        found = pylsl.resolve_bypred(predicate, 1, wait_s)
        if not found:
            advice = "start what sends it, or check its name; streams are found on the local network only"
            raise RecordingError(self.name, f"was not found in {wait_s:g} s", advice)
        if len(found) > 1:
            raise RecordingError(self.name, f"names {len(found)} streams", "add source_id=… or hostname=…")
        return found[0]

    def describe(self) -> Any:
        """The stream with its description."""
        import pylsl
        from pylsl.util import LostError, TimeoutError

        inlet = pylsl.StreamInlet(self.find(self.wait_s), max_buflen=1, recover=False)
        try:
            return inlet.info(timeout=self.wait_s)
        except (LostError, TimeoutError) as error:
            raise RecordingError(self.name, "does not describe itself", "start it again") from error

    def open(self) -> None:
        """Connect; a RecordingError if the stream is not there, or is another than it was."""
        import pylsl
        from pylsl.util import LostError, TimeoutError

        found = self.find(min(self.wait_s, AGAIN_S) if self._opened else self.wait_s)
        shape = (float(found.nominal_srate()), int(found.channel_count()))
        if shape != (self.nominal_hz, electrode_count(self.bands)):
            wrong = f"came back with {shape[1]} channels at {shape[0]:g} Hz"
            raise RecordingError(self.name, wrong, "start emgasr again")
        inlet = pylsl.StreamInlet(found, max_buflen=BUFFER_S, recover=False, as_numpy=True)
        try:
            inlet.open_stream(timeout=self.wait_s)
        except (LostError, TimeoutError) as error:
            raise RecordingError(self.name, "does not open", "start it again") from error
        self._inlet, self._opened = inlet, True

    def read(self, wait_s: float) -> list[Packet]:
        """What came; waits for it up to `wait_s`."""
        from pylsl.util import LostError

        time.sleep(wait_s)
        try:
            samples, times_s = self._inlet.pull_chunk(timeout=0.0, max_samples=1 << 16)
        except LostError as error:
            raise Disconnected("the sender is gone") from error
        if not len(times_s):
            return []
        values = np.asarray(samples, dtype=np.float32) * np.float32(self.scale)
        return [Packet(values, time.monotonic(), times_s=np.asarray(times_s, dtype=np.float64))]

    def close(self) -> None:
        """Disconnect."""
        if self._inlet is not None:
            self._inlet.close_stream()
        self._inlet = None


def _keep_quiet() -> None:
    """Keep liblsl from writing over the screen, unless its user has settings of their own: losses are told by notes."""
    import pylsl

    if "LSLAPICFG" in os.environ or any(Path(os.path.expanduser(place)).is_file() for place in SETTINGS):
        return
    with suppress(AttributeError, NotImplementedError):  # older libraries cannot be told
        pylsl.set_config_content("[log]\nlevel = -3\n")  # only what ends it


def _rate_hz(spec: Spec, nominal_hz: float, name: str) -> float:
    """The rate that the stream tells, or else the one that the spec declares; they must not differ."""
    if not nominal_hz > 0:
        if "rate" not in spec.options:
            advice = "if it sends samples, at which rate? add rate=…; a stream of markers is no signal"
            raise RecordingError(name, "tells no rate (its nominal rate is 0)", advice)
        return spec.rate_hz()
    if "rate" in spec.options and spec.rate_hz() != nominal_hz:
        raise ConfigError(spec.where, f"is at {nominal_hz:g} Hz, not at {spec.rate_hz():g} Hz", "leave rate out")
    return nominal_hz


def _channels(info: Any) -> list[dict[str, str]]:
    """Label and unit of each channel, as far as the stream describes them."""
    described = []
    channel = info.desc().child("channels").child("channel")
    while not channel.empty():
        described.append({"label": channel.child_value("label"), "unit": channel.child_value("unit")})
        channel = channel.next_sibling("channel")
    return described


def _unit(channels: list[dict[str, str]], name: str) -> tuple[str, float] | None:
    """Our unit and the factor to it, if the stream tells one."""
    told = {channel["unit"].strip() for channel in channels} - {""}
    if not told:
        return None
    if len(told) > 1:
        raise RecordingError(name, f"mixes units ({', '.join(sorted(told))})", "send channels of one unit")
    (unit,) = told
    if unit.lower() == "counts":
        return "counts", 1.0
    factor = volts(unit)
    return None if factor is None else ("uV", factor)
