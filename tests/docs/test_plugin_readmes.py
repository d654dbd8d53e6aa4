"""The READMEs of the bundled plugins say what the README of the project and the sandboxes say."""

import re

import pytest

from pointsman.config import parse_config
from pointsman.loading import load_plugins
from pointsman_affiliate_hlr.sandbox import AffiliateSandbox
from pointsman_devino.sandbox import DevinoSandbox
from pointsman_smstele.sandbox import SmsteleSandbox

from .conftest import ROOT

SANDBOXES = {"affiliate_hlr": AffiliateSandbox, "devino": DevinoSandbox, "smstele": SmsteleSandbox}
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))


def installs(document):
    """Return the commands of a document that install something."""
    return [line for block in document.blocks("sh") for line in block.splitlines() if line.startswith("pip install")]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_plugins_are_installed_like_everything_else(page, plugin):
    """There is one way to install, and all READMEs name it."""
    assert installs(page(f"plugins/{plugin}/README.md")) == installs(page("README.md")) == ["pip install . plugins/*/"]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_examples_take_the_variables_of_the_sandbox(page, plugin):
    """The first example of a README names the variables that `pointsman sandbox --env` prints, and loads with them."""
    text = page(f"plugins/{plugin}/README.md").blocks("toml")[0]
    environment = SANDBOXES[plugin]().environment

    config = parse_config(text + '[rates]\nRUB = "0.01"\n', plugins=load_plugins(), env=environment)

    assert set(re.findall(r'env = "(\w+)"', text)) == set(environment)
    assert [provider.plugin for provider in config.providers.values()] == [plugin]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_licence_travels_with_each_distribution(plugin):
    """Each plugin has a copy of the project's licence, and puts it into what it ships."""
    folder = ROOT / "plugins" / plugin

    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert 'license-files = ["LICENSE"]' in (folder / "pyproject.toml").read_text()
