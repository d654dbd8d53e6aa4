"""What each package offers is exactly what it says it offers."""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [
    "pointsman",
    "pointsman.bench",
    "pointsman.config",
    "pointsman.demo",
    "pointsman.loading",
    "pointsman.plugin",
    "pointsman.sandbox",
    "pointsman.store",
    "pointsman.store.sqlite",
    "pointsman.telemetry",
    "pointsman.testing",
    "pointsman.testing.stores",
    "pointsman.text",
    "pointsman.transport",
]
"""Packages that others import from."""
INTERNAL = {
    "pointsman.cli",
    "pointsman.demo.data",
    "pointsman.engine",
    "pointsman.routing",
    "pointsman.testing.simulator",
    "pointsman.text.data",
}
"""Packages without a front: their modules are imported one by one, and only from within."""
PLUGINS = ["pointsman_affiliate_hlr", "pointsman_devino", "pointsman_smstele"]


def offered(module: ModuleType) -> set[str]:
    """Return the public names of a package that are not its own modules."""
    submodules = {found.name for found in pkgutil.iter_modules(module.__path__)}
    return {name for name in vars(module) if not name.startswith("_") and name not in submodules}


@pytest.mark.parametrize("name", PACKAGES)
def test_all_is_what_can_be_imported(name):
    """`__all__` names everything that is public in a package, nothing else, and in order."""
    module = importlib.import_module(name)
    submodules = {found.name for found in pkgutil.iter_modules(module.__path__)}

    assert set(module.__all__) - submodules == offered(module)
    assert len(module.__all__) == len(set(module.__all__))
    assert all(hasattr(module, public) for public in module.__all__)


def test_every_package_is_known():
    """Each package of the core either has a front that is tested here, or is internal."""
    core = ROOT / "core"
    found = {".".join(path.parent.relative_to(core).parts) for path in core.rglob("__init__.py")}

    assert found - INTERNAL == set(PACKAGES)


@pytest.mark.parametrize("name", PACKAGES)
def test_everything_public_says_what_it_is(name):
    """Every class and function that a package offers has a docstring."""
    module = importlib.import_module(name)
    silent = [
        public
        for public in module.__all__
        if callable(value := getattr(module, public)) and isinstance(value, type) and not value.__doc__
    ]

    assert silent == []


@pytest.mark.parametrize("name", ["pointsman", *PLUGINS])
def test_types_are_shipped(name):
    """Each distribution says that its type annotations may be relied on (PEP 561)."""
    (folder,) = importlib.import_module(name).__path__

    assert (Path(folder) / "py.typed").exists()


def test_licence_is_the_whole_text():
    """The licence is Apache 2.0 from its title to its appendix."""
    text = (ROOT / "LICENSE").read_text()

    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert [f"   {number}. " in text for number in range(1, 10)] == [True] * 9
    assert "END OF TERMS AND CONDITIONS" in text
