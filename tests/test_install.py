"""What a stranger gets: the distributions, built and installed by plain pip, work from any folder."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
OWN = ("pointsman", "_editable_impl_pointsman", "__editable__")
NAMES = ["affiliate_hlr", "devino", "smstele"]


def run(*command: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with an environment that knows nothing of this project."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "POINTSMAN", "VIRTUAL"))
    }
    result = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=kept | variables, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the four distributions in it, and those of others that they need.

    Nothing is downloaded: other people's packages are seen through links to the ones that are installed here.
    """
    folder = tmp_path_factory.mktemp("install")
    others = folder / "others"
    others.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(OWN) and entry.suffix != ".pth" and entry.name != "__pycache__":
            (others / entry.name).symlink_to(entry)
    home = folder / "env"
    venv.create(home, with_pip=False, symlinks=True)
    purelib = Path(
        run(home / "bin" / "python", "-c", "import site; print(site.getsitepackages()[0])", cwd=folder).stdout[:-1]
    )
    (purelib / "others.pth").write_text(f"{others}\n")
    options = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-build-isolation", "--no-deps")
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        home / "bin" / "python",
        "install",
        *options,
        ROOT,
        *PLUGINS,
        cwd=folder,
    )
    return home


def test_installed_command_knows_three_providers(environment, tmp_path):
    """After `pip install . plugins/*/` the command lists the three bundled plugins, from wherever it is called."""
    result = run(environment / "bin" / "pointsman", "plugins", "--json", cwd=tmp_path)

    plugins = json.loads(result.stdout)
    assert [plugin["name"] for plugin in plugins["loaded"]] == NAMES
    assert plugins["quarantined"] == []


def test_every_distribution_has_its_licence(environment, tmp_path):
    """The wheels of the core and of all plugins hold the licence."""
    program = """
from importlib.metadata import distribution
import sys
for name in sys.argv[1:]:
    print(distribution(name).read_text("licenses/LICENSE").split()[:2])
"""
    names = ["pointsman", *(f"pointsman-{name.replace('_', '-')}" for name in NAMES)]

    result = run(environment / "bin" / "python", "-c", program, *names, cwd=tmp_path)

    assert result.stdout.splitlines() == ["['Apache', 'License']"] * len(names)


def test_installed_package_is_complete(environment, tmp_path):
    """The wheels hold what is not code as well: types, tables of networks, and the sandboxes of all plugins."""
    program = """
import importlib, pkgutil, sys
from pointsman import Router, Sms
from pointsman.loading import load_plugins
from pointsman.text import bundled_networks
found = load_plugins()
assert not found.quarantined, found.quarantined
boxes = [pkgutil.resolve_name(plugin.sandbox) for plugin in found.providers.values()]
packages = ["pointsman", *sorted({box.__module__.split(".")[0] for box in boxes})]
for package in packages:
    folder = importlib.import_module(package).__path__[0]
    assert folder.startswith(sys.prefix), folder
    open(f"{folder}/py.typed").close()
assert bundled_networks().country("25001") == "RU"
print(*packages)
"""
    result = run(environment / "bin" / "python", "-c", program, cwd=tmp_path)

    assert result.stdout.split() == ["pointsman", *(f"pointsman_{name}" for name in NAMES)]
