"""Reads policies and routes, and checks that what they name exists and fits together."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec

from pointsman.config.lines import Path
from pointsman.config.model import DEFAULT_POLICY, PolicyConfig, RouteConfig
from pointsman.config.problems import Problems, did_you_mean
from pointsman.config.tables import TableReader
from pointsman.config.values import check_name, parse_region
from pointsman.message import Channel, MessageClass
from pointsman.plugin import Provider
from pointsman.routing.match import Match
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

    def __init__(self, problems: Problems, tables: TableReader, providers: Mapping[str, Provider | None]) -> None:
        self._problems = problems
        self._tables = tables
        self._providers = providers

    def policies(self, section: object) -> dict[str, PolicyConfig | None]:
        """Return the policies by name, with the default one; None stands for one that cannot be used."""
        found: dict[str, PolicyConfig | None] = {}
        for name, table in section.items() if isinstance(section, dict) else ():
            path = ("policies", name)
            policy = self._tables.read(table, PolicyConfig, path, {"name": name})
            if policy is not None:
                self._check_policy(policy, path)
            found[name] = policy
        return {DEFAULT_POLICY: PolicyConfig(name=DEFAULT_POLICY), **found}

    def routes(self, section: object, policies: Mapping[str, PolicyConfig | None]) -> tuple[RouteConfig, ...]:
        """Return the routes in order; without any, one that sends everything to all providers."""
        if section is None:
            return (RouteConfig(name=IMPLICIT_ROUTE, providers=tuple(self._providers)),)
        if not isinstance(section, list) or not section:
            self._problems.add(("routes",), "expected tables [[routes]] with two brackets")
            return ()
        routes: list[RouteConfig] = []
        for place, table in enumerate(section):
            path = ("routes", place)
            route = self._route(table, path)
            if route is None:
                continue
            if any(route.name == other.name for other in routes):
                self._problems.add((*path, "name"), f'there are two routes "{route.name}"; rename one')
            self._check_route(route, policies, path)
            routes.append(route)
        return tuple(routes)

    def _route(self, table: object, path: Path) -> RouteConfig | None:
        if not isinstance(table, dict):
            self._problems.add(path, "expected a table [[routes]]")
            return None
        given = {"match": self._match(table["match"], (*path, "match"))} if "match" in table else {}
        rest = {key: value for key, value in table.items() if key != "match"}
        return self._tables.read(rest, RouteConfig, path, given)

    def _match(self, table: object, path: Path) -> Match:
        lists = table
        if isinstance(table, dict):
            lists = {key: value if isinstance(value, list) else [value] for key, value in table.items()}
        found = self._tables.read(lists, MatchTable, path)
        if found is None:
            return Match()
        for country in found.country:
            try:
                parse_region(country)
            except ValueError as error:
                self._problems.add((*path, "country"), str(error))
        return Match(
            channel=frozenset(found.channel),
            message_class=frozenset(found.message_class),
            country=frozenset(found.country),
            mccmnc=frozenset(found.mccmnc),
            prefix=found.prefix,
            sender=frozenset(found.sender),
            tag=frozenset(found.tag),
        )

    def _check_policy(self, policy: PolicyConfig, path: Path) -> None:
        self._check_name(policy.name, path)
        if policy.strategy not in STRATEGIES:
            at = (*path, "strategy")
            self._problems.add(
                at, f'there is no strategy "{policy.strategy}"', did_you_mean(policy.strategy, STRATEGIES)
            )
        elif policy.strategy != WEIGHTED and policy.weights:
            self._problems.add((*path, "weights"), 'weights have no effect without strategy = "weighted"; remove them')
        for provider in policy.weights:
            self._check_provider(provider, (*path, "weights", provider))

    def _check_route(self, route: RouteConfig, policies: Mapping[str, PolicyConfig | None], path: Path) -> None:
        self._check_name(route.name, (*path, "name"))
        if not route.providers:
            self._problems.add((*path, "providers"), "a route needs at least one provider")
        for place, provider in enumerate(route.providers):
            at = (*path, "providers", place)
            if route.providers.index(provider) != place:
                self._problems.add(at, f'the provider "{provider}" is there twice; remove one')
            elif self._check_provider(provider, at):
                for channel in self._not_offered(provider, route):
                    self._problems.add(at, f'the provider "{provider}" does not offer the channel {channel}')
        if route.policy not in policies:
            at = (*path, "policy")
            self._problems.add(at, f'there is no policy "{route.policy}"', did_you_mean(route.policy, policies))

    def _not_offered(self, provider: str, route: RouteConfig) -> Iterator[Channel]:
        built = self._providers[provider]
        if built is not None:
            yield from sorted(route.match.channel - built.profile.channels.keys())

    def _check_provider(self, name: str, path: Path) -> bool:
        if name not in self._providers:
            self._problems.add(path, f'there is no provider "{name}"', did_you_mean(name, self._providers))
        return name in self._providers

    def _check_name(self, name: str, path: Path) -> None:
        try:
            check_name(name)
        except ValueError as error:
            self._problems.add(path, str(error))
