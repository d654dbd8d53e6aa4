"""Reads policies and routes, and checks that what they name exists and fits together."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec

from pointsman.config.lines import Path
from pointsman.config.model import DEFAULT_POLICY, DEFAULT_STRATEGY, PolicyConfig, RouteConfig
from pointsman.config.problems import Problems, did_you_mean
from pointsman.config.tables import TableReader, texts_of
from pointsman.config.values import check_name, parse_region
from pointsman.loading import PluginSet
from pointsman.message import Channel, MessageClass
from pointsman.plugin import Provider
from pointsman.routing.match import Lookup, Match, Schedule
from pointsman.routing.strategy import STRATEGIES

Digits = Annotated[
    str,
    msgspec.Meta(pattern="^[1-9][0-9]{0,14}$", description='the first digits of numbers without "+", such as "7916"'),
]
MccMnc = Annotated[
    str, msgspec.Meta(pattern="^[0-9]{5,6}$", description='5 or 6 digits, country code first, such as "25001"')
]
WEIGHTED = "weighted"
IMPLICIT_ROUTE = "all"
"""The name of the route that stands in when the file has none."""


class MatchTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inline table `match` of a route, as the file writes it: each condition is one value or a list of values."""

    channel: tuple[Channel, ...] = ()
    message_class: tuple[MessageClass, ...] = msgspec.field(default=(), name="class")
    country: tuple[str, ...] = ()
    mccmnc: tuple[MccMnc, ...] = ()
    prefix: tuple[Digits, ...] = ()
    sender: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()


class RouteReader:
    """Reads the policies and the routes of one configuration.

    `providers` holds every provider that the file names; None stands for one that has problems of its own.
    """

    def __init__(
        self, problems: Problems, tables: TableReader, providers: Mapping[str, Provider | None], plugins: PluginSet
    ) -> None:
        self._problems = problems
        self._tables = tables
        self._providers = providers
        self._plugins = plugins

    def policies(self, section: object) -> dict[str, PolicyConfig | None]:
        """Return the policies by name, with the default one; None stands for one that cannot be used."""
        found: dict[str, PolicyConfig | None] = {}
        for name, table in section.items() if isinstance(section, dict) else ():
            path = ("policies", name)
            self._check_name(name, path)
            if isinstance(table, dict):
                self._check_policy(table, path)
            found[name] = self._tables.read(table, PolicyConfig, path, {"name": name})
        return {DEFAULT_POLICY: PolicyConfig(name=DEFAULT_POLICY), **found}

    def routes(self, section: object, policies: Mapping[str, PolicyConfig | None]) -> tuple[RouteConfig, ...]:
        """Return the routes in order; without any, one that sends everything to all providers."""
        if section is None:
            return (RouteConfig(name=IMPLICIT_ROUTE, providers=tuple(self._providers)),)
        if not isinstance(section, list) or not section:
            self._problems.add(("routes",), "expected tables [[routes]] with two brackets")
            return ()
        routes: list[RouteConfig | None] = []
        names: set[str] = set()
        for place, table in enumerate(section):
            path = ("routes", place)
            if not isinstance(table, dict):
                self._problems.add(path, "expected a table [[routes]]")
                continue
            name = table.get("name")
            if isinstance(name, str):
                self._check_name(name, (*path, "name"))
                if name in names:
                    self._problems.add((*path, "name"), f'there are two routes "{name}"; rename one')
                names.add(name)
            self._check_route(table, policies, path)
            routes.append(self._route(table, path))
        return tuple(route for route in routes if route is not None)

    def _route(self, table: Mapping[str, object], path: Path) -> RouteConfig | None:
        given = {"match": self._match(table["match"], (*path, "match"))} if "match" in table else {}
        rest = {key: value for key, value in table.items() if key != "match"}
        return self._tables.read(rest, RouteConfig, path, given)

    def _match(self, table: object, path: Path) -> Match:
        lists = table
        if isinstance(table, dict):
            lists = {key: value if isinstance(value, list) else [value] for key, value in table.items()}
            for _, country in texts_of(lists.get("country")):
                try:
                    parse_region(country)
                except ValueError as error:
                    self._problems.add((*path, "country"), str(error))
        found = self._tables.read(lists, MatchTable, path) or MatchTable()
        return Match(
            channel=frozenset(found.channel),
            message_class=frozenset(found.message_class),
            country=frozenset(found.country),
            mccmnc=frozenset(found.mccmnc),
            prefix=found.prefix,
            sender=frozenset(found.sender),
            tag=frozenset(found.tag),
        )

    def _check_policy(self, table: Mapping[str, object], path: Path) -> None:
        strategy, weights = table.get("strategy", DEFAULT_STRATEGY), table.get("weights")
        if isinstance(strategy, str) and strategy not in STRATEGIES and strategy not in self._plugins.strategies:
            self._no_strategy(strategy, (*path, "strategy"))
        elif strategy in STRATEGIES and strategy != WEIGHTED and weights:
            self._problems.add((*path, "weights"), 'weights have no effect without strategy = "weighted"; remove them')
        for provider in weights if isinstance(weights, dict) else ():
            self._check_provider(provider, (*path, "weights", provider))

    def _no_strategy(self, name: str, path: Path) -> None:
        for quarantine in self._plugins.quarantined:
            if name in quarantine.strategies:
                problem = f'the strategy "{name}" is out of use with the plugin {quarantine.name}: {quarantine.reason}'
                self._problems.add(path, problem)
                return
        hint = did_you_mean(name, [*STRATEGIES, *self._plugins.strategies])
        self._problems.add(path, f'there is no strategy "{name}"', hint)

    def _check_route(
        self, table: Mapping[str, object], policies: Mapping[str, PolicyConfig | None], path: Path
    ) -> None:
        if table.get("providers") == []:
            self._problems.add((*path, "providers"), "a route needs at least one provider")
        seen: set[str] = set()
        for place, provider in texts_of(table.get("providers")):
            at = (*path, "providers", place)
            if provider in seen:
                self._problems.add(at, f'the provider "{provider}" is there twice; remove one')
            elif self._check_provider(provider, at):
                for channel in self._not_offered(provider, table.get("match")):
                    self._problems.add(at, f'the provider "{provider}" does not offer the channel {channel}')
            seen.add(provider)
        if table.get("schedule") == Schedule.PROVIDER and seen and not any(map(self._keeps, seen)):
            problem = "no provider of this route can keep a message until later"
            self._problems.add((*path, "schedule"), problem, f'write "{Schedule.ROUTER}"')
        if table.get("lookup") in {Lookup.ALWAYS, Lookup.AUTO} and not any(map(self._looks_up, self._providers)):
            problem = "no provider offers lookups; add one"
            self._problems.add((*path, "lookup"), problem, f'write "{Lookup.NEVER}"')
        policy = table.get("policy", DEFAULT_POLICY)
        if isinstance(policy, str) and policy not in policies:
            at = (*path, "policy")
            self._problems.add(at, f'there is no policy "{policy}"', did_you_mean(policy, policies))

    def _keeps(self, provider: str) -> bool:
        """Say whether a provider can keep a message until later; one with problems of its own is not blamed."""
        built = self._providers.get(provider)
        limits = built.profile.channels.values() if built is not None else ()
        return built is None or any(one.schedules or one.schedules_local for one in limits)

    def _looks_up(self, provider: str) -> bool:
        """Say whether a provider offers lookups; one with problems of its own is not blamed."""
        built = self._providers.get(provider)
        return built is None or Channel.HLR in built.profile.channels

    def _not_offered(self, provider: str, match: object) -> Iterator[Channel]:
        built = self._providers[provider]
        if built is not None and isinstance(match, dict):
            asked = match.get("channel")
            words = {word for _, word in texts_of(asked if isinstance(asked, list) else [asked])}
            yield from sorted({channel for channel in Channel if channel in words} - built.profile.channels.keys())

    def _check_provider(self, name: str, path: Path) -> bool:
        # Where the file names no provider at all, this one sentence has been said.
        if self._providers and name not in self._providers:
            self._problems.add(path, f'there is no provider "{name}"', did_you_mean(name, self._providers))
        return name in self._providers

    def _check_name(self, name: str, path: Path) -> None:
        try:
            check_name(name)
        except ValueError as error:
            self._problems.add(path, str(error))
