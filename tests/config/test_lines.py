"""Keys of TOML are found on the lines where they stand."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from pointsman.config.lines import Path, dotted, key_lines

TRICKY = '''\
top = 1 # a comment with [brackets] and "quotes"
"quoted key" = """
[not.a.table]
fake = 1 """
literal = \'\'\'
also_fake = 2\'\'\'
a.b.c = [1, # a comment, with commas
  "x ] y", [ 2,
    3 ],
  { deep = true, "odd.key" = { more = 'no "escape" \\' } },
]
empty = {}
none = []
when = 1979-05-27 07:32:00
text = "with \\" quote = 5"

[table]
  key = "v"
  [table.sub]
  key = -1.5e3

[[list]]
name = "first"
[list.inner]
x = 1
[[list.items]]
y = 1
[[list.items]]
y = 2

[[list]]
name = "second"
match = { a = 1, b = [ 1,
  2 ] }
'''
EXPECTED = {
    ("top",): 1,
    ("quoted key",): 2,
    ("literal",): 5,
    ("a",): 7,
    ("a", "b", "c"): 7,
    ("a", "b", "c", 1): 8,
    ("a", "b", "c", 2, 1): 9,
    ("a", "b", "c", 3, "deep"): 10,
    ("a", "b", "c", 3, "odd.key", "more"): 10,
    ("text",): 15,
    ("table",): 17,
    ("table", "key"): 18,
    ("table", "sub"): 19,
    ("table", "sub", "key"): 20,
    ("list", 0): 22,
    ("list", 0, "name"): 23,
    ("list", 0, "inner", "x"): 25,
    ("list", 0, "items", 1): 28,
    ("list", 0, "items", 1, "y"): 29,
    ("list", 1): 31,
    ("list", 1, "match", "b"): 33,
    ("list", 1, "match", "b", 1): 34,
}


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of everything in a parsed document."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from paths(part, (*path, key))


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["unix", "windows"])
def test_each_key_has_its_line(ending: str) -> None:
    """Tables, lists of tables, dotted and quoted keys, and items of lists are found on their lines."""
    lines = key_lines(TRICKY.replace("\n", ending))

    assert {path: lines.get(path) for path in EXPECTED} == EXPECTED


def test_nothing_is_missing_and_nothing_is_invented() -> None:
    """The scan finds exactly the keys that the parser finds: none inside of strings and comments."""
    assert set(key_lines(TRICKY)) == set(paths(tomllib.loads(TRICKY)))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("routes", 0, "match", "class"), "routes[0].match.class"),
        (("providers", "odd.name"), 'providers."odd.name"'),
        ((), ""),
    ],
)
def test_paths_are_shown_as_people_write_them(path: Path, text: str) -> None:
    """A path is shown with dots, brackets and, where they are needed, quotes."""
    assert dotted(path) == text
