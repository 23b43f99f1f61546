"""The columns of tables are told once, and are those that the readers ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from emgasr.corpora import scan
from emgasr.corpora.tables.columns import TABLES, described
from emgasr.errors import RecordingError
from emgasr.manifests.manifest import Findings
from tests.helpers.miniatures import write_spans, write_table, write_takes
from tests.helpers.scripts import ROOT

OWN = {
    "metadata.csv": ("takes", write_takes),
    "recordings.csv": ("spans", write_spans),
    "labels.csv": ("spans", write_spans),
}


def columns_of(table: str) -> tuple[list[str], list[str]]:
    (columns,) = (columns for name, columns in TABLES.items() if name.startswith(table))
    return [c.name for c in columns if c.required], [c.name for c in columns if not c.required]


@pytest.mark.parametrize("table", OWN)
def test_a_table_without_one_of_the_columns_that_must_be_there_is_refused_by_the_columns_name(
    tmp_path: Path, table: str
) -> None:
    corpus, write = OWN[table]
    write(tmp_path)
    rows = [line.split(",") for line in (tmp_path / table).read_text().splitlines()]
    required, _ = columns_of(table)
    for name in required:
        column = "participant" if name == "subject" and "participant" in rows[0] else name
        left = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
        write_table(tmp_path / table, [{k: v for k, v in row.items() if k != column} for row in left])
        with pytest.raises(RecordingError, match=f"(column '|no ){name}"):
            scan(tmp_path, corpus, Findings(), unit="counts")


def test_every_column_stands_in_the_help_and_in_the_documentation() -> None:
    page, shown = (ROOT / "docs/reference/layouts.md").read_text(encoding="utf-8"), described()
    for table, columns in TABLES.items():
        assert table.partition(":")[0] in shown
        for column in columns:
            assert f"    {column.name}{'*' * column.required} " in shown
            assert f"`{column.name}`" in page, f"{column.name} of {table} is not in layouts.md"
