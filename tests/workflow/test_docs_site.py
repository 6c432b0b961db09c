"""The documentation site: built from a clean copy without a warning, every link leads somewhere, and it opens in a real browser."""

import os
import shutil
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.workflow.conftest import ROOT, Project

pytest.importorskip("sphinx", reason="the extra `docs` is not installed")
pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """The links of a page, and the names that links to it may end in."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.anchors |= {values["id"]} if "id" in values else set()
        self.links += [values[key] for key in ("href", "src") if values.get(key)]


read = cache(Page)


def broken(page: Path, link: str) -> bool:
    """Whether a link of a page leads to no file of the site, or to no place in it."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return False
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_file():
        return True
    return target.suffix == ".html" and bool(parts.fragment) and unquote(parts.fragment) not in read(target).anchors


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    project = Project(tmp_path_factory.mktemp("site"))
    shutil.copytree(ROOT / "docs", project.folder / "docs", ignore=shutil.ignore_patterns("api", "__pycache__"))
    for page in ROOT.glob("*.md"):
        shutil.copy(page, project.folder)
    for file in ("CITATION.cff", "LICENSE"):
        shutil.copy(ROOT / file, project.folder)
    build = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "-c", "docs", ".", "site"]
    result = subprocess.run(build, cwd=project.folder, env=os.environ, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return project.folder / "site"


def test_every_link_leads_somewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert [
        f"{page.relative_to(site)}: {link}" for page in pages for link in read(page).links if broken(page, link)
    ] == []


def test_every_page_and_module_is_there(site):
    pages = [path.relative_to(ROOT) for folder in (".", "docs/how-to") for path in (ROOT / folder).glob("*.md")]
    pages += [path.relative_to(ROOT) for path in (ROOT / "docs/results").rglob("*.md")] + [Path("config/README.md")]
    library = ROOT / "workflow/src"
    files = [path for path in library.glob("sim2sky/**/*.py") if path.name != "__main__.py"]  # nothing to import from
    modules = [path.relative_to(library).with_suffix("") for path in files]
    names = [".".join(path.parts).removesuffix(".__init__") for path in modules]
    wanted = [page.with_suffix(".html") for page in pages] + [Path(f"docs/api/{name}.html") for name in names]
    assert [str(page) for page in wanted if not (site / page).is_file()] == []


def test_home_page_opens(site, browser):
    browser.get((site / "index.html").as_uri())
    assert browser.find_element("css selector", "h1").text.startswith("sim2sky")
    assert browser.current_url.endswith("README.html")
    widths = browser.execute_script("return [...document.querySelectorAll('article img')].map(i => i.naturalWidth)")
    assert widths and all(widths)
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_reference_shows_parameters(site, browser):
    browser.get((site / "docs/api/sim2sky.lensing.mass.html").as_uri())
    entry = browser.find_element("id", "sim2sky.lensing.mass.sie_deflection")
    parameters = entry.find_element("xpath", "..").find_element("css selector", "dl.field-list").text
    assert "theta_E" in parameters and "Einstein radius, product average of the axes [arcsec]" in parameters


def test_search_finds_a_function(site, browser):
    browser.get((site / "search.html").as_uri() + "?q=kormann_deflection")
    found = browser.find_element("css selector", "ul.search li a")
    assert "sim2sky.lensing.mass" in found.get_attribute("href")
