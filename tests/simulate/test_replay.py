"""Real key times are read from events.tsv, plain or gzipped, and damaged files are refused in one line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from emgasr.errors import RecordingError
from emgasr.simulate.replay import read_key_events

HEADER = "onset\tduration\tsample\tvalue\tkey\tprompt_text\n"
ROWS = (
    "1.5\t4.0\t3000\tprompt\tn/a\thi\\n\n"
    "2.0\t0.09\t4000\tkeystroke_h\th\tn/a\n"
    "2.1\t0.08\t4200\tkeystroke_i\ti\tn/a\n"
    "2.5\t0.05\t5000\tkeystroke_Key.f12\tKey.f12\tn/a\n"
    "3.0\t0.07\t6000\tkeystroke_Key.enter\tKey.enter\tn/a\n"
)


@pytest.mark.parametrize("name", ["events.tsv", "events.tsv.gz"])
def test_key_times_and_prompts_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress((HEADER + ROWS).encode()) if name.endswith(".gz") else (HEADER + ROWS).encode())
    events, spans, left_out = read_key_events(path)
    assert events.keys == ("h", "i", "Key.enter")
    assert events.time_s.tolist() == [2.0, 2.1, 3.0]
    assert events.release_s == pytest.approx([2.09, 2.18, 3.07])
    assert (spans.texts, spans.start_s.tolist(), spans.end_s.tolist()) == (("hi\n",), [1.5], [5.5])
    assert left_out == 1


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "column"),
        (b"time\tkey\n1\ta\n", "lacks the column 'onset'"),
        (HEADER.encode(), "no key press"),
        ((HEADER + "soon\t0.1\t1\tkeystroke_a\ta\tn/a\n").encode(), "line 2"),
        ((HEADER + "-3\t0.1\t1\tkeystroke_a\ta\tn/a\n").encode(), "negative"),
        ((HEADER + "1.0\tnan\t1\tkeystroke_a\ta\tn/a\n").encode(), "duration"),
        (b"\xff\xfe\x00binary", "line 1 is not text in UTF-16"),
        (b"\xffbinary", "line 1 is not text in UTF-8"),
    ],
)
def test_a_damaged_events_file_is_one_clear_line(tmp_path: Path, content: bytes, wrong: str) -> None:
    path = tmp_path / "events.tsv"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=wrong) as error:
        read_key_events(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_truncated_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.tsv.gz"
    path.write_bytes(gzip.compress((HEADER + ROWS * 100).encode())[:60])
    with pytest.raises(RecordingError, match="cannot be read"):
        read_key_events(path)
