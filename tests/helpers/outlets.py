"""A sender of the Lab Streaming Layer, for tests that listen to one."""

from __future__ import annotations

import threading

import numpy as np


class Outlet:
    """A sender of a known signal on an absolute schedule, in a thread; sample i of channel c is 100 c + i mod 97."""

    def __init__(self, name: str, unit: str = "microvolts", rate_hz: float = 500.0, channels: int = 4) -> None:
        import pylsl

        info = pylsl.StreamInfo(name, "EMG", channels, rate_hz, "float32", f"id-{name}")
        described = info.desc().append_child("channels")
        for i in range(channels):
            channel = described.append_child("channel")
            channel.append_child_value("label", f"e{i + 1}")
            channel.append_child_value("unit", unit)
        self._outlet = pylsl.StreamOutlet(info, 10)
        self._clock = pylsl.local_clock
        self._stopped = threading.Event()
        self._shape = (rate_hz, channels)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        rate_hz, channels = self._shape
        start_s, sent = self._clock(), 0
        while not self._stopped.wait(0.01):
            due = int((self._clock() - start_s) * rate_hz)
            if due <= sent:
                continue
            at = np.arange(sent, due)
            samples = (at % 97)[:, None] + 100 * np.arange(channels)
            stamp = start_s + (due - 1) / rate_hz
            self._outlet.push_chunk(samples.astype(np.float32).tolist(), stamp)
            sent = due

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        del self._outlet
