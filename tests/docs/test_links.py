"""Documents lead to each other: no link is dead, no page is forgotten, and nothing names what is not there."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "plugins/*/*.md", "tests/toy_plugin/*.md")
    for path in sorted(ROOT.glob(pattern))
]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def links(name: str) -> list[str]:
    """Return the targets of a document's links that are not on the web."""
    text = _CODE.sub("", (ROOT / name).read_text(encoding="utf-8"))
    return [target for target in _LINK.findall(text) if not target.startswith(("https://", "http://", "mailto:"))]


def anchors(path: Path) -> set[str]:
    """Return the names by which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    """Each link of a document leads to a file of the project, and to a heading in it where one is named."""
    dead = []
    for target in links(name):
        place, _, anchor = unquote(target).partition("#")
        path = (ROOT / name).parent / place if place else ROOT / name
        if not path.exists() or (anchor and anchor not in anchors(path)):
            dead.append(target)

    assert dead == []


def test_no_page_is_forgotten():
    """Every page below `docs` can be reached from the README by links."""
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page.is_dir():
            page = page / "README.md"
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        name = page.relative_to(ROOT).as_posix()
        waiting += [(page.parent / unquote(target).partition("#")[0]).resolve() for target in links(name)]

    assert set(ROOT.glob("docs/**/*.md")) - reached == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_paths_in_text_exist(name):
    """A path of the project that a document names in code style is there."""
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    paths = re.findall(r"`((?:tests|docs|core|plugins)/[\w./*-]+)`", text)

    assert [path for path in paths if not list(ROOT.glob(path.rstrip("/")))] == []


def test_decisions_are_listed():
    """Each decision is in the list of decisions under its own title."""
    folder = ROOT / "docs" / "decisions"
    listed = dict(re.findall(r"\[(\d{4})\]\([\w-]+\.md\) \| (.+?) \|", (folder / "README.md").read_text()))

    found = {path.name[:4]: path.read_text().splitlines()[0] for path in folder.glob("0*.md")}
    assert found == {number: f"# {number} {title}" for number, title in listed.items()}
