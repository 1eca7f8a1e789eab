"""`make docs`: all documents become pages; links lead somewhere, nothing is loaded from elsewhere."""

from __future__ import annotations

import importlib.util
import re
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
REASON = "needs the extra `docs`"
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "audio": "src"}
"""Element -> the attribute that says what a browser loads with the page."""


class Links(HTMLParser):
    """What a page links to, what it loads, and its anchors."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.followed: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        text = page.read_text(encoding="utf-8")
        self.feed(text)
        self.loaded += re.findall(r"(?:url\(|@import\s+)['\"]?((?:https?:)?//[^'\")\s]+)", text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.followed.append(given["href"])
        if tag in LOADED and LOADED[tag] in given and given.get("rel") != "canonical":
            self.loaded.append(given[LOADED[tag]])


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    for name in ("mkdocs", "pdoc"):
        pytest.importorskip(name, reason=REASON)
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    builder.write_pages(folder)
    return folder


def faults(site: Path, left_out: str = "") -> list[str]:
    """Links that lead nowhere, but for those with `left_out` in them; and what is loaded from elsewhere."""
    pages = {path: Links(path) for path in site.rglob("*.html")}
    found = []
    for page, links in pages.items():
        name = page.relative_to(site)
        found += [f"{name} loads {url}" for url in links.loaded if re.match(r"(\w+:)?//", url)]
        for link in [*links.followed, *links.loaded]:
            url = urlsplit(link)
            target = (page.parent / unquote(url.path)).resolve() if url.path else page
            if url.scheme or url.netloc or (left_out and left_out in url.path) or page.name == "404.html":
                continue
            if not (target / "index.html" if target.is_dir() else target).is_file():
                found.append(f"{name} -> {link}: no such file")
            elif url.fragment and target in pages and url.fragment not in pages[target].anchors:
                found.append(f"{name} -> {link}: no such anchor")
    return found


def test_every_document_is_a_page_and_in_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    for document in (ROOT / "docs").glob("*.md"):
        page = document.relative_to(ROOT).with_suffix(".html").as_posix()
        assert (site / page).is_file()
        assert f'href="{page}"' in home
    assert 'href="reference/index.html"' in home


def test_links_of_pages_lead_somewhere_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    assert faults(site, left_out="reference/") == []
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import\s+)['\"]?(?:https?:)?//", style.read_text(encoding="utf-8"))


def test_code_and_tables_are_shown_as_such(site: Path) -> None:
    page = (site / "docs" / "your-own-sounds.html").read_text(encoding="utf-8")
    assert "<table" in page
    assert "```" not in page
    assert "<!-- test" not in page
    assert "wzxhzdk" not in page


def test_a_link_that_leads_nowhere_stops_the_build(
    builder: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "new.md").write_text("# New\n\n[gone](gone.md)\n")
    (tmp_path / "docs" / "mkdocs.yml").write_text((ROOT / "docs" / "mkdocs.yml").read_text())
    monkeypatch.setattr(builder, "ROOT", tmp_path)
    assert builder.navigation()[0] == {"Use": ["docs/new.md"]}
    with pytest.raises(builder.Abort):
        builder.write_pages(tmp_path / "site")


@pytest.mark.slow
def test_reference_of_the_python_names(builder: ModuleType, site: Path) -> None:
    builder.write_reference(site / "reference")
    assert "Detector" in (site / "reference" / "sedt.html").read_text(encoding="utf-8")
    loaded = [url for page in site.rglob("*.html") for url in Links(page).loaded]
    assert not [url for url in loaded if re.match(r"(\w+:)?//", url)]
    assert faults(site, left_out="#") == []
