"""A board that BrainFlow knows in, its EMG channels as a Source out: "brainflow:board=0,serial_port=/dev/ttyUSB0".

BrainFlow stamps samples when they reach the host, so times jitter; where a board's sample counter is known, it tells
what was lost to the sample.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from emgasr.errors import ConfigError, RecordingError
from emgasr.recording import Band
from emgasr.sources.live import Disconnected, EndOfStream, LiveConfig, LiveSource, bridging
from emgasr.sources.source import Source
from emgasr.sources.spec import Spec
from emgasr.sources.timeline import Packet, TimelineConfig

# Boards whose EMG BrainFlow gives in µV by their own documented factors (BrainFlow's "Data Format Description" and the
# boards' sources): synthetic, OpenBCI's and FreeEEG's. For others the spec must tell, with a scale to it: some give raw
# counts.
MICROVOLTS = (-1, 0, 1, 2, 4, 5, 6, 17, 46, 52)
WIFI_SHIELDS = (4, 5, 6)  # BrainFlow goes on scaling by the first gain when a command changes it, and warns of that
COUNTERS = {-1: 256, 0: 256, 5: 256}  # one step a sample, starting again at this
PLAYBACK, STREAMING = -3, -2  # stand for another board, their master
END_OF_FILE_S = 2.0
RING_S = 60.0  # what BrainFlow keeps for a reader that does not come
STAMP_TOLERANCE_S = 0.1  # radio boards deliver in bursts
_TEXTS = ("serial_port", "mac_address", "ip_address", "serial_number", "other_info", "file")
_NUMBERS = ("ip_port", "timeout")


def open_source(spec: Spec) -> Source:
    """The options board (id or name), unit, scale, bands, counter, and BrainFlow's own (serial_port, …)."""
    shim = _brainflow(spec)
    board = _board_id(spec.text("board"), spec, shim)
    parameters = shim.BrainFlowInputParams()
    for name in _TEXTS:
        setattr(parameters, name, spec.text(name, ""))
    for name in _NUMBERS:
        setattr(parameters, name, spec.integer(name, 0))
    described = board
    if board in (PLAYBACK, STREAMING):
        described = parameters.master_board = _board_id(spec.text("master"), spec, shim)
    if board == PLAYBACK:
        _check_playback(parameters.file, spec)
    try:
        rate_hz = float(shim.BoardShim.get_sampling_rate(described))
        channels = list(shim.BoardShim.get_emg_channels(described))
        facts = shim.BoardShim.get_board_descr(described)
    except shim.BrainFlowError as error:
        raise ConfigError(spec.where, f"board {described} has no EMG channels", "choose another board") from error
    settings = spec.text("config", "")
    scaled = described in MICROVOLTS and not (settings and described in WIFI_SHIELDS)
    unit = spec.unit("uV" if scaled else None)
    scale = 1.0 if scaled else spec.number("scale", 1.0, least=1e-12)
    bands = spec.bands(len(channels))
    wrap = spec.integer("counter", COUNTERS.get(described, 0))
    live = LiveConfig.of(spec)
    timeline = TimelineConfig(
        rate_hz,
        len(channels),
        tolerance_s=STAMP_TOLERANCE_S,
        wrap=wrap,
        unit=unit,
        **bridging(spec),  # type: ignore[arg-type]
    )
    counter = facts["package_num_channel"] if wrap else None
    spec.done()
    device = Board(
        shim, board, parameters, channels, (facts["timestamp_channel"], counter), rate_hz, unit, bands, settings, scale
    )
    device.open()
    return LiveSource(device, timeline, live, f"brainflow board {board}")


class Board:
    """A Device of BrainFlow's; `rows` are those of the time stamp and, if it can be used, the counter.

    `scale` times what the board gives is in `unit`.
    """

    def __init__(
        self,
        shim: Any,
        board: int,
        parameters: Any,
        channels: list[int],
        rows: tuple[int, int | None],
        rate_hz: float,
        unit: str,
        bands: tuple[Band, ...],
        settings: str,
        scale: float,
    ) -> None:
        self.rate_hz, self.unit, self.bands = rate_hz, unit, bands
        self._shim, self._board, self._parameters = shim, board, parameters
        self._channels, (self._stamp, self._counter) = channels, rows
        self._settings, self._scale = settings, np.float32(scale)
        self._session: Any = None
        self._heard_s: float | None = None

    def open(self) -> None:
        """Connect and start the stream; a RecordingError if the board does not answer."""
        session = self._shim.BoardShim(self._board, self._parameters)
        try:
            session.prepare_session()
            if self._settings:
                session.config_board(self._settings)
            session.start_stream(max(1000, int(RING_S * self.rate_hz)))
        except self._shim.BrainFlowError as error:
            _release(session, self._shim)
            advice = "check that it is on, plugged in, not used by another program, and its port or address"
            raise RecordingError(f"brainflow board {self._board}", f"does not answer ({error})", advice) from error
        self._session = session

    def read(self, wait_s: float) -> list[Packet]:
        """What the board delivered within `wait_s`."""
        time.sleep(wait_s)
        try:
            data = self._session.get_board_data()
        except self._shim.BrainFlowError as error:
            raise Disconnected(str(error)) from error
        if not data.shape[1]:
            # A file that is played back ends without a word.
            if self._board == PLAYBACK and self._heard_s and time.monotonic() - self._heard_s > END_OF_FILE_S:
                raise EndOfStream
            return []
        self._heard_s = time.monotonic()
        counts = None if self._counter is None else np.round(data[self._counter]).astype(np.int64)
        samples = np.ascontiguousarray(data[self._channels].T, dtype=np.float32) * self._scale
        return [Packet(samples, time.monotonic(), times_s=data[self._stamp], counts=counts)]

    def close(self) -> None:
        """Stop and let go of the board."""
        if self._session is not None:
            _release(self._session, self._shim)
        self._session = None


def _release(session: Any, shim: Any) -> None:
    for stop in (session.stop_stream, session.release_session):
        try:
            stop()
        except shim.BrainFlowError:  # it was not streaming, or is gone
            continue


def _board_id(text: str, spec: Spec, shim: Any) -> int:
    ids = {board.name: board.value for board in shim.BoardIds}
    name = text.upper()
    if text.lstrip("-").isdecimal() and int(text) in ids.values():
        return int(text)
    for candidate in (name, f"{name}_BOARD"):
        if candidate in ids:
            return int(ids[candidate])
    raise ConfigError(spec.where, f"BrainFlow knows no board {text!r}", "see its list of supported boards")


def _check_playback(path: str, spec: Spec) -> None:
    if not os.path.isfile(path):
        raise RecordingError(path or spec.where, "is no file to play back", "give file=PATH of a BrainFlow recording")


def _brainflow(spec: Spec) -> Any:
    if importlib.util.find_spec("brainflow") is None:
        raise ConfigError(spec.where, "needs brainflow", "pip install 'emgasr[live]'")
    from brainflow import board_shim

    with _library_is_found(board_shim.__file__):
        try:
            board_shim.BoardShim.disable_board_logger()
        except (OSError, ImportError, board_shim.BrainFlowError) as error:
            advice = "its library does not load on this system"
            raise ConfigError(spec.where, f"brainflow cannot start ({error})", advice) from error
    return board_shim


@contextmanager
def _library_is_found(module_file: str) -> Iterator[None]:
    """BrainFlow 5.23 before Python 3.12 asks pkg_resources, which setuptools no longer has, where its library lies."""
    if sys.version_info >= (3, 12) or importlib.util.find_spec("pkg_resources") is not None:
        yield
        return
    stand_in = types.ModuleType("pkg_resources")
    folder = os.path.dirname(module_file)
    stand_in.resource_filename = lambda package, path: os.path.join(folder, path)  # type: ignore[attr-defined]
    sys.modules["pkg_resources"] = stand_in
    try:
        yield
    finally:
        del sys.modules["pkg_resources"]
