"""Modules and functions stay small enough to be read in one go."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHIPPED = sorted([*ROOT.glob("core/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")])

MODULE_LIMIT = 300
"""Lines of code in a module; blank lines, comments and docstrings are free. The aim is 250 lines with them."""
FUNCTION_LIMIT = 60
"""Lines of a function from its name to its end. The aim is 40."""


def code_lines(path: Path) -> int:
    """Count the lines of a module that hold code."""
    text = path.read_text(encoding="utf-8")
    free: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                free.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(1 for number, line in lines if number not in free and line.strip() and not line.strip().startswith("#"))


def test_modules_are_small():
    """No module has more than 300 lines of code."""
    large = {str(path.relative_to(ROOT)): lines for path in SHIPPED if (lines := code_lines(path)) > MODULE_LIMIT}

    assert large == {}


def test_functions_are_small():
    """No function is longer than 60 lines."""
    large = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in SHIPPED
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or node.lineno) - node.lineno >= FUNCTION_LIMIT
    ]

    assert large == []


def test_every_module_says_why_it_exists():
    """Each module that holds anything begins with a docstring whose first line is a sentence."""
    silent = [
        str(path.relative_to(ROOT))
        for path in SHIPPED
        if (text := path.read_text(encoding="utf-8")).strip()
        if not (ast.get_docstring(ast.parse(text)) or "").splitlines()[:1]
        or not (ast.get_docstring(ast.parse(text)) or "").splitlines()[0].endswith((".", ":"))
    ]

    assert silent == []
