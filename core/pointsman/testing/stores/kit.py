"""Puts a store to the checks of the contract, one by one or all at once."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from pointsman.testing.stores import figures, mail, messages, work
from pointsman.testing.stores.trial import MakeStore, Trial

Check: TypeAlias = Callable[[Trial], Awaitable[None]]
"""Drives a store and raises `AssertionError` when it does not do what the docstring of the check says."""

STORE_CHECKS: Mapping[str, Check] = MappingProxyType(
    {check.__name__: check for part in (messages, work, mail, figures) for check in part.CHECKS}
)
"""All checks by name."""


async def check_store(name: str, make: MakeStore) -> None:
    """Put a new store to one of the checks. Raises `AssertionError` that says what it did instead."""
    async with Trial.of(make, name) as trial:
        await STORE_CHECKS[name](trial)


async def store_problems(make: MakeStore) -> tuple[str, ...]:
    """Put a kind of store to all checks; return what is wrong with it, nothing when it may be used.

    `make` is called with a clock and a name for each check, and again with the same name to open the same store anew.
    """
    problems = []
    for name, check in STORE_CHECKS.items():
        try:
            await check_store(name, make)
        except Exception as error:  # noqa: BLE001 - it is somebody else's code
            said = str(error) if isinstance(error, AssertionError) else f"it raises {type(error).__name__}: {error}"
            problems.append(f"{name}: {check.__doc__} But {said}")
    return tuple(problems)
