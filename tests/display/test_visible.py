"""What strangers wrote is plain text wherever it is shown: terminal, page, picture, Markdown, error line."""

from __future__ import annotations

import io
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from emgasr.cli import exit_code, main
from emgasr.display.console import Console
from emgasr.display.visible import LONGEST, Shown, html_text, markdown_text, visible
from emgasr.errors import DataError, EmgasrError
from emgasr.models.folder import save_recognizer
from tests.helpers.tiny_models import tiny_recognizer

HOSTILE = (
    "\x1b]0;title\x07",
    "\x1b[2J\x1b[31m",
    "\x9b31m",
    "a\rb",
    "a\x00b",
    "\x7f",
    "\u202eabc",
    "\u2066x",
    "\u2028",
    "\ufeff",
    "\U000e0041",
    "\udc9b",
    "\u200f",
    "\x85",
)
HARMLESS = ("é", "e\u0301", "🙂", "👩\u200d💻", "می\u200cخواهم", "⌫⏎⇧␣", "a\tb\nc", "¬", "漢字", "$x$", "[red]")


@pytest.mark.parametrize("text", HOSTILE)
def test_what_would_do_something_unseen_is_shown_as_json_escapes_it(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert json.loads(f'"{shown}"') == text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_does_nothing_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_an_error_line_is_plain_text(text: str) -> None:
    assert str(DataError(f"file{text}", f"holds {text!s}", f"mend {text}")).isprintable()


def test_a_line_that_quotes_a_megabyte_keeps_its_ends_and_tells_its_length() -> None:
    line = str(DataError("file.csv", "holds " + "x" * 1_000_000, "mend it"))
    assert line.startswith("file.csv: holds xxx")
    assert line.endswith("xxx; mend it")
    assert "… (999425 more characters) …" in line
    assert len(line) < LONGEST + 40


def test_what_verbs_print_is_plain_text_and_their_json_stays_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    def run(arguments: list[str]) -> int:
        for text in HOSTILE:
            print(text)
            print(text, file=sys.stderr)
        print(json.dumps(HOSTILE, ensure_ascii=False))
        raise EmgasrError("here", "\x1b[31mred")

    assert exit_code(run, []) == 2
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert all(line.isprintable() for line in lines + captured.err.splitlines())
    assert tuple(json.loads(lines[-1])) == HOSTILE
    assert not isinstance(sys.stdout, Shown)


@pytest.mark.parametrize("text", [*HOSTILE, "[red]x[/red]", "[/]", "[link=file:///etc]x[/link]", ":boom:", "\\[a"])
def test_a_console_shows_text_as_it_is_and_its_own_colors(text: str) -> None:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=200, color_system="standard", highlight=False)
    table = Table("head")
    table.add_row(text)
    for renderable in (text, table):
        console.print(renderable)
    assert written.getvalue().count(visible(text)) == 2
    written.truncate(written.seek(0))
    for renderable in (Text(text), Panel(Text(text)), Text.assemble((text, "red"))):  # Rich drops some signs of these
        console.print(renderable)
    left = re.sub("[\x07\x08\x0b\x0c\r]", "", text)
    assert written.getvalue().count(visible(left)) == 3
    assert f"\x1b[31m{visible(left)}\x1b[0m" in written.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_rich_draws_reaches_the_terminal_with_its_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.live import Live
    from rich.text import Text

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Terminal())

    def run(arguments: list[str]) -> int:
        console = Console()
        with Live(console=console, auto_refresh=False) as live:
            live.update(Text("\x1b[2Jdrawn", style="red"), refresh=True)
            print("\x9bprinted meanwhile")
        return 0

    terminal = sys.stdout
    assert exit_code(run, []) == 0
    assert isinstance(terminal, Terminal)
    written = terminal.getvalue()
    assert "\x1b[?25l" in written  # Rich hides the cursor
    assert "\\u001b[2Jdrawn" in written
    assert "\x1b[31m" in written
    assert "\\u001b[31m" not in written
    assert "\x1b[2J" not in written
    assert "printed meanwhile" in written
    assert "\x9b" not in written


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        raise AssertionError(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", [*HOSTILE, "<script>alert(1)</script>", "<img src=x onerror='a'>", "&lt;", "\"'"])
def test_html_holds_no_markup_of_it(text: str) -> None:
    parser = Tags()
    parser.feed(html_text(text))
    parser.close()
    assert parser.text == visible(text)
    assert not {'"', "'"} & set(html_text(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<script>", "&lt;script>"),
        ("[a](javascript:b)", r"\[a\](javascript:b)"),
        ("$x$ `c` *b*", r"\$x\$ \`c\` \*b\*"),
        ("p_01", "p_01"),
        ("_p_", r"\_p\_"),
        ("a\nb", r"a\\nb"),
        ("&lt;", "&amp;lt;"),
    ],
)
def test_markdown_holds_no_markup_of_it(text: str, shown: str) -> None:
    assert markdown_text(text) == shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("card", "shown"),
    [
        (b"# Card\r\nby \x1b[31mus\r\n", "# Card\nby \\u001b[31mus\n"),
        (b"\xff\xfe\x00", "README.md is not UTF-8 text"),
        (b"x" * 2**22, "README.md is larger than"),
    ],
)
def test_a_models_card_is_shown_as_text_or_said_to_be_none(
    card: bytes, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_recognizer(tiny_recognizer(), tmp_path)
    (tmp_path / "README.md").write_bytes(card)
    assert main(["info", str(tmp_path)]) == 0
    assert shown in capsys.readouterr().out
