"""Tables on standard output: lines for people and programs, never broken, without blanks at their ends."""

from __future__ import annotations

import pytest

from emgasr.display.console import columns_of, print_table


def test_a_table_of_a_long_and_a_short_line_ends_each_behind_its_last_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    table = columns_of("name", "value", left=2)
    table.add_row("short", "1")
    table.add_row("long", "word " * 30 + "end")
    table.add_row("empty", "")
    print_table(table)
    assert capsys.readouterr().out.splitlines() == [
        "name   value",
        "short  1",
        f"long   {'word ' * 30}end",
        "empty",
    ]
