"""The lock covers everything that is needed, proves what it names, and names no host."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "tests" / "requirements.lock").read_text()
"""Everything: what working on the project needs."""
RUNTIME = (ROOT / "requirements.lock").read_text()
"""What running it needs, and building it in place."""
PROJECTS = [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]
OWN = {canonicalize_name(tomllib.loads(path.read_text())["project"]["name"]) for path in PROJECTS}


def locked(lock: str = LOCK) -> dict[str, str]:
    """Return what a lock holds: name to version."""
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock, re.M)}


def wanted(*, running: bool = False) -> list[Requirement]:
    """Return what the distributions ask for by name, and unless it is about running only, their development as well."""
    texts: list[str] = []
    for path in PROJECTS:
        document = tomllib.loads(path.read_text())
        texts += document["project"]["dependencies"]
        groups = {} if running else document.get("dependency-groups", {})
        texts += [text for group in groups.values() for text in group if isinstance(text, str)]
        texts += document["build-system"]["requires"]
    return [one for one in map(Requirement, sorted(set(texts))) if canonicalize_name(one.name) not in OWN]


def entries(lock: str = LOCK) -> list[str]:
    """Return a lock's entries, each with its continuation lines."""
    return [entry for entry in re.split(r"\n(?=\S)", lock.strip()) if not entry.startswith("#")]


def test_every_entry_has_hashes():
    """Each package has one exact version and at least one SHA-256, so that no other file can take its place."""
    wrong = [
        entry.splitlines()[0]
        for entry in entries()
        if not re.match(r"[\w.-]+==\S+", entry) or not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)
    ]

    assert wrong == []


def test_no_host_is_named():
    """The lock leaves it to the machine where packages come from."""
    for lock in (LOCK, RUNTIME):
        assert "://" not in lock
        assert not re.search(r"^\s*(--?(i|f|index-url|extra-index-url|find-links|trusted-host)\b|-e )", lock, re.M)


def test_the_lock_for_running_is_a_part_of_the_whole():
    """Who runs the project and who works on it have the same files; who only runs it is spared the tools."""
    assert locked(RUNTIME).items() - locked().items() == set()
    assert set(re.findall("sha256:[0-9a-f]{64}", RUNTIME)) - set(re.findall("sha256:[0-9a-f]{64}", LOCK)) == set()
    assert {canonicalize_name(one.name) for one in wanted(running=True)} - locked(RUNTIME).keys() == set()
    assert {"mypy", "pytest", "ruff"} & locked(RUNTIME).keys() == set()


@pytest.mark.parametrize("requirement", wanted(), ids=str)
def test_every_requirement_is_locked(requirement):
    """What a distribution or the development asks for is in the lock, in a version that it may have."""
    name = canonicalize_name(requirement.name)

    assert name in locked()
    assert requirement.specifier.contains(locked()[name], prereleases=True)


def test_lock_is_closed():
    """What the locked packages need in their turn on this machine is locked as well."""
    needed_names = set()
    for name in locked():
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another platform or another version of Python
        for text in needed:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed_names.add(canonicalize_name(requirement.name))

    assert needed_names - set(locked()) == set()


def test_working_files_are_not_kept():
    """The lock of the tool that makes the lock names hosts, so it stays on the maintainer's machine."""
    assert "uv.lock" in (ROOT / ".gitignore").read_text().split()
