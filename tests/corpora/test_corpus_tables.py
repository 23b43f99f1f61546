"""Tables as people and their programs write them: read alike, or refused with the file and the line."""

from __future__ import annotations

import gzip
import random
import time
import zlib
from contextlib import suppress
from pathlib import Path

import pytest

from emgasr.corpora.tables.delimited import Row, number, read_table
from emgasr.corpora.tables.units import volts
from emgasr.errors import RecordingError

ROWS = [{"file": "a.npy", "label": "fist"}, {"file": "b.npy", "label": "a, b"}]


def write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        'file,label\na.npy,fist\nb.npy,"a, b"\n',
        'file,label\ra.npy,fist\rb.npy,"a, b"\r',  # old Mac Excel
        'file,label\r\na.npy,fist\r\nb.npy,"a, b"',
        '\ufefffile,label\na.npy,fist\nb.npy,"a, b"\n',
        'File , LABEL\na.npy,fist\nb.npy,"a, b"\n',
        'file,label,\na.npy,fist,\nb.npy,"a, b",,,\n',  # trailing commas
        'file,label\n\n,\na.npy,fist\n  , \nb.npy,"a, b"\n\n\n,,\n',  # rows without content
        "file;label\na.npy;fist\nb.npy;a, b\n",
        "file\tlabel\na.npy\tfist\nb.npy\ta, b\n",
        "sep=;\nfile;label\na.npy;fist\nb.npy;a, b\n",
        'sep=,\r\nfile,label\r\na.npy,fist\r\nb.npy,"a, b"\r\n',
        "file\tlabel\r\na.npy\tfist\r\nb.npy\ta, b\r\n".encode("utf-16"),
    ],
)
def test_a_table_is_read_however_it_was_written(tmp_path: Path, content: str | bytes) -> None:
    assert read_table(write(tmp_path, content), ("file",)) == ROWS
    packed = gzip.compress(b"file\tlabel\ra.npy\tfist\rb.npy\ta, b")
    assert read_table(write(tmp_path, packed, "t.tsv.gz"), ("file",)) == ROWS


def test_rows_know_their_lines_and_those_without_content_are_counted(tmp_path: Path) -> None:
    content = 'file,label\n,\na.npy,"two\r\nlines"\n\nb.npy,x\n , \nc.npy,cafe\u0301\u2028\u0085\n'
    notes: list[str] = []
    rows = read_table(write(tmp_path, content), notes=notes)
    assert [(row.line, row["label"]) for row in rows] == [(3, "two\nlines"), (6, "x"), (8, "café\u2028\u0085")]
    assert notes == ["t.csv: 2 rows without content passed over (lines 2, 7)"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('file,label\na,b\nc,"d\ne,f\n', "t.csv: the row that begins in line 3 is damaged"),
        ('file,label\na,"b"c\n', "line 2 is damaged"),
        ("file,label\na,b\nc\n", "line 3 has another number of columns than the first (1, not 2)"),
        ("file,label\na,b,c\n", "line 2 has another number of columns than the first (3, not 2)"),
        ("file,label,file\na,b,c\n", "has the column 'file' twice"),
        ("file,File\na,b\n", "has the column 'file' twice"),
        ("name,label\na,b\n", "lacks the column 'file'; it has: name, label"),
        ("", "lacks the column 'file'; it has: nothing"),
        (f"file,label\na,{'b' * 200_000}\n", "line 2 is damaged (field larger than field limit"),
        ("file,label\na,b\nc,\0\n", "line 3 holds a NUL"),
        ("file,label\r\na,b\r\nc,f\u00fc\r\n".encode("latin-1"), "line 3 is not text in UTF-8 (byte 0xfc); save it as"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(tmp_path: Path, content: str | bytes, told: str) -> None:
    with pytest.raises(RecordingError) as error:
        read_table(write(tmp_path, content), ("file",))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_packed_table_that_is_damaged_anywhere_is_one_line(tmp_path: Path) -> None:
    table = "onset\tduration\n" + "".join(f"{i / 7:.5f}\t{i % 11}\n" for i in range(500))
    packed = gzip.compress(table.encode())
    for seed in range(40):
        drawn = random.Random(seed)
        damaged = bytearray(packed[: drawn.choice((len(packed), drawn.randrange(len(packed))))])
        for _ in range(3):
            if damaged:
                damaged[drawn.randrange(len(damaged))] ^= 1 << drawn.randrange(8)
        path = write(tmp_path, bytes(damaged), "t.tsv.gz")
        rows = None
        with suppress(RecordingError):
            rows = read_table(path, ("onset",))
        assert rows is None or len(rows) == 500  # gzip's checksum holds where its header alone changed


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(80)) + packer.flush()
    with pytest.raises(RecordingError, match="is larger than"):
        read_table(write(tmp_path, packed, "t.tsv.gz"))


def test_a_folder_or_a_pointer_is_named_for_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(RecordingError, match="is a folder"):
        read_table(tmp_path / "t.csv")
    with pytest.raises(RecordingError, match="git-annex pointer"):
        read_table(write(tmp_path, "/annex/objects/MD5E-s9--0a.csv\n", "p.csv"))


def test_a_table_of_very_many_columns_is_refused_at_once(tmp_path: Path) -> None:
    named = ",".join(f"c{i}" for i in range(100_000))
    begun = time.process_time()
    with pytest.raises(RecordingError, match="has the column 'c7' twice"):
        read_table(write(tmp_path, f"{named},c7,c8\n1\n"))
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("text", ["1.5", " 1.5 ", "15e-1", "+1.5", "1.50"])
def test_a_number_is_read(text: str) -> None:
    assert number(Path("t.csv"), Row({"x": text}, 7), "x") == 1.5


@pytest.mark.parametrize("text", ["", "nan", "inf", "-Infinity", "1e999", "1_5", "0x1", "1.5 s", "\u0661", "1,5"])
def test_what_is_no_number_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(RecordingError, match=r"line 7: x is .*not a number"):
        number(Path("t.csv"), Row({"x": text}, 7), "x")
    with pytest.raises(RecordingError, match="write a decimal point"):
        number(Path("t.csv"), Row({"x": "1,5"}, 7), "x")


def test_decimal_commas_are_numbers_where_no_comma_parts_the_cells(tmp_path: Path) -> None:
    (row,) = read_table(write(tmp_path, "file;start_s;label\na.npy;1,25;1,5\n"))
    assert (number(tmp_path, row, "start_s"), row["label"]) == (1.25, "1,5")
    (row, _) = read_table(write(tmp_path, "file;start_s\na.npy;1,250\nb.npy;1.250\n"))  # of thousands?
    with pytest.raises(RecordingError, match="line 2: start_s is '1,250', not a number; write a decimal point"):
        number(tmp_path, row, "start_s")


def test_a_table_that_git_annex_did_not_fetch_is_named_for_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "t.csv").symlink_to(".git/annex/objects/x/y/SHA256E-s1--a.csv")
    with pytest.raises(RecordingError, match="is a git-annex pointer"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("V", 1e6), ("Volts", 1e6), ("mV", 1e3), ("millivolt", 1e3), ("\u00b5V", 1), ("\u03bcV", 1), ("microvolts", 1),
        ("uVolt", 1), ("MicroV", 1), (" nV ", 1e-3), ("g", None), ("volt-amperes", None), ("", None), ("vv", None),
    ],
)  # fmt: skip
def test_a_unit_of_voltage_is_known_however_it_is_spelled(unit: str, factor: float | None) -> None:
    assert volts(unit) == factor
