"""EDF and BDF files written byte by byte, so that a test can make any header it likes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class Channel:
    """Stored integers (records, samples) of one signal and the fields of its header."""

    label: str
    stored: np.ndarray
    unit: str = "uV"
    physical: tuple[str, str] = ("-1000", "1000")
    digital: tuple[str, str] | None = None


def write_edf(path: Path, channels: list[Channel], record_s: str = "1", reserved: str = "", **fields: str) -> Path:
    """Write channels of as many records each; `fields` replaces version, header, records or signals in the header."""
    bits = 24 if path.suffix.lower() == ".bdf" else 16
    records, count = len(channels[0].stored), len(channels)
    half = 1 << (bits - 1)
    head = [
        fields.get("version", "\xffBIOSEMI" if bits == 24 else "0").ljust(8),
        "X X X X".ljust(80),
        "Startdate X X X X".ljust(80),
        "01.01.2001.01.01",
        fields.get("header", str(256 * (count + 1))).ljust(8),
        reserved.ljust(44),
        fields.get("records", str(records)).ljust(8),
        record_s.ljust(8),
        fields.get("signals", str(count)).ljust(4),
    ]
    digital = [channel.digital or (str(-half), str(half - 1)) for channel in channels]
    head += [channel.label.ljust(16) for channel in channels]
    head += [" " * 80] * count
    head += [channel.unit.ljust(8) for channel in channels]
    head += [channel.physical[0].ljust(8) for channel in channels] + [
        channel.physical[1].ljust(8) for channel in channels
    ]
    head += [steps[0].ljust(8) for steps in digital] + [steps[1].ljust(8) for steps in digital]
    head += [" " * 80] * count
    head += [fields.get("samples", str(channel.stored.shape[1])).ljust(8) for channel in channels]
    head += [" " * 32] * count
    data = b"".join(_encoded(channel.stored[i], bits) for i in range(records) for channel in channels)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(head).encode("latin-1") + data)
    return path


def times(onsets: list[str], bits: int, remark: str = "", samples: int = 20) -> np.ndarray:
    """An annotation channel that tells when each record begins, with a remark in the first."""
    rows = []
    for i, onset in enumerate(onsets):
        text = f"{onset}\x14\x14\0" if onset else ""
        if remark and i == 0:
            text += f"+0.2\x150.1\x14{remark}\x14\0"
        raw = np.frombuffer(text.encode().ljust(samples * bits // 8, b"\0"), np.uint8)
        rows.append(raw.reshape(samples, bits // 8))
    wide = np.zeros((len(onsets), samples, 4), np.uint8)
    wide[..., : bits // 8] = np.array(rows)
    return wide.view("<i4")[..., 0]


def _encoded(values: np.ndarray, bits: int) -> bytes:
    if bits == 16:
        return values.astype("<i4").astype("<i2").tobytes()
    return values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
