"""The page about hooks names each hook with exactly its arguments, and everything that is registered."""

import inspect
import re

from pointsman.loading import MAX_OBSERVER_FAILURES
from pointsman.plugin import ENTRY_POINT_GROUP, ProviderPlugin
from pointsman.plugin.hookspecs import Hooks

PAGE = "docs/hooks.md"


def test_every_hook_has_its_heading(page):
    """Each hook has a heading with its argument list, and there is no heading for a hook that does not exist."""
    headings = re.findall(r"^## `(\w+)\((.*)\)`$", page(PAGE).text, re.MULTILINE)
    hooks = [
        (name, ", ".join(list(inspect.signature(hook).parameters)[1:]))
        for name, hook in vars(Hooks).items()
        if not name.startswith("_")
    ]

    assert headings == hooks


def test_every_field_of_a_registration_is_explained(page):
    """The table under `register_providers` has the fields of `ProviderPlugin`, in order."""
    rows = page(PAGE).rows("## `register_providers(register)`")

    assert [row[0].strip("`") for row in rows] == list(ProviderPlugin.__struct_fields__)


def test_group_and_limit_are_right(page):
    """The group of entry points and the patience with observers are those of the code."""
    text = page(PAGE).text

    assert f'entry-points."{ENTRY_POINT_GROUP}"' in text
    assert {3: "three"}[MAX_OBSERVER_FAILURES] + " failures" in text
