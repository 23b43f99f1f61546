"""What was typed and what was read, on the terminal: aligned columns, every error marked."""

from __future__ import annotations

from emgasr.cli.read.marked_text import marked, so_far
from emgasr.score import align


def plain(typed: str, read: str, width: int = 80) -> list[str]:
    return [line.plain for line in marked(align(typed, read), width, colored=False)]


def test_columns_are_aligned_and_errors_marked() -> None:
    assert plain("pale yellow\n", "pole yelow!\n") == [
        "typed  pale yellow·⏎",
        "read   pole yel·ow!⏎",
        "        ^      ^  ^",
    ]


def test_a_line_ends_where_the_typed_one_ends_or_the_terminal_does() -> None:
    assert [line[7:] for line in plain("a\nbc\n", "a\nbc\n")] == ["a⏎", "a⏎", "", "bc⏎", "bc⏎", ""]
    assert [len(line) for line in plain("x" * 40, "x" * 40, width=32)[::3]] == [32, 22]


def test_a_wrong_space_can_be_seen() -> None:
    assert plain("ab", "a ")[1] == "read   a␣"


def test_with_color_the_marks_are_in_the_style() -> None:
    _, read, below = marked(align("ab", "ac"), 80, colored=True)
    assert below.plain == ""
    assert [(read.plain[span.start : span.end], str(span.style)) for span in read.spans][-1] == (
        "c",
        "bold underline red",
    )


def test_what_is_not_read_yet_is_no_error() -> None:
    assert so_far("abcd", "ab", 80, 24).plain.splitlines() == ["typed  ab", "read   ab"]
    assert so_far("", "", 80, 24).plain == ""


def test_the_newest_lines_are_kept_where_height_is_short() -> None:
    text = so_far("a\nb\nc\n", "a\nb\nc\n", 80, 6).plain
    assert "a⏎" not in text
    assert "b⏎" in text
