"""Finds the plugins that are installed or passed, tries them one by one and settles who may keep a name."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from importlib import metadata

from pointsman.loading.candidate import Candidate
from pointsman.loading.plugin_set import PluginSet
from pointsman.loading.values import Quarantine
from pointsman.plugin import ENTRY_POINT_GROUP, ProviderPlugin, StorePlugin, StrategyPlugin


def load_plugins(
    extra: Iterable[object] = (), *, entry_points: bool = True, disabled: Collection[str] = ()
) -> PluginSet:
    """Load the installed plugins and those that are passed: a kind of provider or store, a strategy, what has hooks.

    `disabled` names entry points that are not even imported. What cannot be used is quarantined; nothing is raised
    but `KeyboardInterrupt`.
    """
    quarantined: list[Quarantine] = []
    candidates = _without_duplicates(_installed(disabled, quarantined), quarantined) if entry_points else []
    found = []
    for candidate in [*candidates, *_passed(extra)]:
        problem = candidate.try_out()
        if problem is None:
            found.append(candidate)
        else:
            quarantined.append(problem)
    return PluginSet(_without_clashes(found, quarantined), quarantined)


def _installed(disabled: Collection[str], quarantined: list[Quarantine]) -> list[Candidate]:
    """Return what is installed, in the order of names so that nothing depends on the order of the path.

    Distributions are read one by one: the library's function for all of them fails when one is damaged.
    """
    candidates: list[Candidate] = []
    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            text = distribution.read_text("entry_points.txt")
        except (OSError, UnicodeDecodeError):
            text = ENTRY_POINT_GROUP
        if text is None or ENTRY_POINT_GROUP not in text:
            continue
        name, version = _identity(distribution)
        canonical = re.sub(r"[-_.]+", "-", name).lower()
        if canonical in seen:
            continue  # an older copy further down the path, which Python would not import either
        seen.add(canonical)
        try:
            points = distribution.entry_points.select(group=ENTRY_POINT_GROUP)
        except Exception as error:  # noqa: BLE001 - a damaged file fails in many ways
            reason = f"its entry_points.txt cannot be read: {type(error).__name__}; install it again"
            quarantined.append(Quarantine(name=name, distribution=name, version=version, reason=reason))
            continue
        candidates += [
            Candidate(point.name, point.load, name, version, _package(point))
            for point in points
            if point.name not in disabled
        ]
    return sorted(candidates, key=lambda candidate: (candidate.name, candidate.distribution or ""))


def _package(point: metadata.EntryPoint) -> str | None:
    """Return the outermost package of an entry point such as `acme.sms:plugin`."""
    found = re.match(r"\w+", point.value)
    return found[0] if found else None


def _identity(distribution: metadata.Distribution) -> tuple[str, str | None]:
    """Return name and version; a distribution without metadata is called what its folder is called."""
    try:
        names, versions = (distribution.metadata.get_all(field) or [None] for field in ("Name", "Version"))
    except Exception:  # noqa: BLE001 - damaged metadata fail in many ways and must not stop the others
        names, versions = [None], [None]
    return str(names[0] or getattr(distribution, "_path", "without a name")), versions[0]


def _passed(extra: Iterable[object]) -> list[Candidate]:
    candidates = []
    for plugin in extra:
        if isinstance(plugin, ProviderPlugin | StrategyPlugin | StorePlugin):
            name = plugin.name
        else:
            name = getattr(plugin, "__name__", type(plugin).__name__)
        candidates.append(Candidate(str(name), partial(_same, plugin)))
    return candidates


def _without_duplicates(candidates: Sequence[Candidate], quarantined: list[Quarantine]) -> list[Candidate]:
    """Quarantine, unloaded, all entry points that share a name: there is no telling which of them is meant."""
    counts = Counter(candidate.name for candidate in candidates)
    for candidate in candidates:
        if counts[candidate.name] > 1:
            sharing = [f"{other.distribution} {other.version}" for other in candidates if other.name == candidate.name]
            reason = (
                f"several distributions call a plugin {candidate.name}: {', '.join(sharing)}; uninstall all but one"
            )
            quarantined.append(candidate.quarantine(reason))
    return [candidate for candidate in candidates if counts[candidate.name] == 1]


def _without_clashes(found: Sequence[Candidate], quarantined: list[Quarantine]) -> list[Candidate]:
    """Quarantine all plugins that register a provider, strategy or store of the same name as another plugin does."""
    claims = Counter(claim for candidate in found for claim in _claims(candidate))
    good = []
    for candidate in found:
        shared = next((claim for claim in _claims(candidate) if claims[claim] > 1), None)
        if shared is None:
            good.append(candidate)
            continue
        sharing = ", ".join(_origin(other) for other in found if shared in _claims(other))
        kind, name = shared
        reason = f'several plugins register a {kind} "{name}": {sharing}; remove all but one'
        quarantined.append(candidate.quarantine(reason))
    return good


def _claims(candidate: Candidate) -> list[tuple[str, str]]:
    """Return the names that a plugin wants for itself, each with its kind."""
    providers = [("provider", provider.name) for provider in candidate.providers]
    strategies = [("strategy", strategy.name) for strategy in candidate.strategies]
    return providers + strategies + [("store", store.name) for store in candidate.stores]


def _same(plugin: object) -> object:
    return plugin


def _origin(candidate: Candidate) -> str:
    if candidate.distribution is None:
        return f"{candidate.name} (passed as an object)"
    return f"{candidate.name} ({candidate.distribution} {candidate.version})"
