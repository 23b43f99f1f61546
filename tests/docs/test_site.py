"""The site of docs/: it builds without a warning, its links lead somewhere, and it needs no network."""

from __future__ import annotations

import importlib.util
import logging
import os
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.helpers.scripts import ROOT, script

needs_mkdocs = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("mkdocs", "material", "mkdocstrings")),
    reason="mkdocs-material and mkdocstrings are not installed (the extra docs)",
)
generate = script("docs/generate.py")


class Links(HTMLParser):
    """What a page links to, what it loads, and the places in it that can be linked to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if "href" in found and tag == "a":
            self.links.append(found["href"])
        elif "src" in found or (tag == "link" and found.get("rel") in ("stylesheet", "icon")):
            self.loaded.append(found.get("src") or found["href"])


def read(page: Path) -> Links:
    links = Links()
    links.feed(page.read_text(encoding="utf-8"))
    return links


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    logging.getLogger("mkdocs").setLevel(logging.WARNING)
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True))
    return folder


@pytest.mark.slow
@pytest.mark.process
@needs_mkdocs
def test_the_site_builds_and_every_link_within_it_leads_somewhere(site: Path) -> None:
    found = {page: read(page) for page in sorted(site.rglob("*.html")) if page.name != "404.html"}
    broken = []
    for page, links in found.items():
        for link in (*links.links, *links.loaded):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (
                parts.fragment and target in found and unquote(parts.fragment) not in found[target].places
            ):
                broken.append(f"{page.relative_to(site)}: {link}")
    assert len(found) >= 20
    assert broken == []


@pytest.mark.slow
@pytest.mark.process
@needs_mkdocs
def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = {link for page in site.rglob("*.html") for link in read(page).loaded}
    assert [link for link in sorted(loaded) if urlsplit(link).netloc] == []


@pytest.mark.slow
@pytest.mark.process
def test_every_verb_stands_on_the_page_of_the_command_line() -> None:
    from emgasr.cli import VERBS

    page = generate.command_line()
    assert [line.removeprefix("### ") for line in page.splitlines() if line.startswith("### ")] == list(VERBS)
    inner = [line.removeprefix("#### ") for line in page.splitlines() if line.startswith("#### ")]
    assert inner == [f"lm {verb}" for verb in ("build", "mix", "prune", "score", "info", "lexicon")] + [
        f"protocol {verb}" for verb in ("split", "fold", "run", "report")
    ]


@pytest.mark.slow
@pytest.mark.process
def test_every_option_on_the_page_of_configurations_has_a_meaning() -> None:
    rows = [line for line in generate.configuration().splitlines() if line.startswith("| `")]
    assert len(rows) > 150
    assert [row for row in rows if row.endswith("|  |")] == []
