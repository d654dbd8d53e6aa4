"""The scenarios: each is one thing that goes wrong in a messaging business, or nothing at all."""

from decimal import Decimal

from pointsman.message import MessageClass
from pointsman.routing.health import Silence
from pointsman.routing.price import ChargedOn
from pointsman.testing.simulator.world import Phase, Quality, Upstream, World

_NETWORKS = ("25001", "25002", "25020", "25099")
GOOD = Quality()
BEST = Quality(delivery=0.985, delay=4.0)
FAIR = Quality(delivery=0.955, delay=8.0)
HALF_REPORTED = Quality(reported=0.5)
DOWN = Quality(taken=0.0, doubt=0.0)
HANGING = Quality(taken=0.0, doubt=1.0)


def flat(price: str) -> dict[str, Decimal]:
    """Return one price for all networks."""
    return dict.fromkeys(_NETWORKS, Decimal(price))


def prices(*each: str) -> dict[str, Decimal]:
    """Return prices in the order of the networks."""
    return dict(zip(_NETWORKS, map(Decimal, each), strict=True))


def at(start: float, quality: Quality, *networks: str) -> Phase:
    """Return a phase."""
    return Phase(start=start, quality=quality, networks=frozenset(networks))


CHEAP = Upstream(name="cheap", prices=flat("0.90"), phases=(at(0, GOOD),))
MIDDLE = Upstream(name="middle", prices=flat("1.00"), phases=(at(0, GOOD),))
DEAR = Upstream(name="dear", prices=flat("1.15"), phases=(at(0, BEST),))
ALL = (CHEAP, MIDDLE, DEAR)


def _world(name: str, about: str, *upstreams: Upstream, **more: object) -> World:
    return World(name=name, about=about, upstreams=upstreams, **more)  # type: ignore[arg-type]


def _cheap(*phases: Phase, **more: object) -> Upstream:
    return Upstream(name="cheap", prices=flat("0.90"), phases=phases, **more)  # type: ignore[arg-type]


def _flapping(quality: Quality, until: float) -> tuple[Phase, ...]:
    turns = [at(300.0 + turn * 120, quality if turn % 2 == 0 else GOOD) for turn in range(int(until / 120))]
    return (at(0, GOOD), *turns)


SCENARIOS: tuple[World, ...] = (
    _world("steady", "Nothing happens.", *ALL),
    _world(
        "steady, prices by network",
        "Each is the cheapest somewhere.",
        Upstream(name="cheap", prices=prices("0.80", "1.20", "1.10", "0.95"), phases=(at(0, GOOD),)),
        Upstream(name="middle", prices=prices("1.10", "0.85", "1.00", "1.05"), phases=(at(0, GOOD),)),
        Upstream(name="dear", prices=prices("1.20", "1.15", "0.80", "1.25"), phases=(at(0, BEST),)),
    ),
    _world("cheapest is dead", "It refuses every connection.", _cheap(at(0, DOWN)), MIDDLE, DEAR),
    _world(
        "cheapest dies",
        "It refuses every connection from the middle on.",
        _cheap(at(0, GOOD), at(2000, DOWN)),
        MIDDLE,
        DEAR,
    ),
    _world(
        "cheapest delivers 60 %",
        "It takes everything and loses two of five.",
        _cheap(at(0, Quality(delivery=0.6))),
        MIDDLE,
        DEAR,
    ),
    _world(
        "brown-out and recovery",
        "For twenty minutes the cheapest loses two of three.",
        _cheap(at(0, GOOD), at(1200, Quality(delivery=0.33, delay=40.0)), at(2400, GOOD)),
        MIDDLE,
        DEAR,
    ),
    _world(
        "one operator's outage",
        "The cheapest cannot reach one network for half an hour.",
        _cheap(at(0, GOOD), at(1000, Quality(delivery=0.05), "25001"), at(2800, GOOD, "25001")),
        MIDDLE,
        DEAR,
    ),
    _world(
        "flapping", "The cheapest is down for two minutes out of four.", _cheap(*_flapping(DOWN, 3700)), MIDDLE, DEAR
    ),
    _world(
        "flapping delivery",
        "The cheapest loses four of five for two minutes out of four.",
        _cheap(*_flapping(Quality(delivery=0.2), 3700)),
        MIDDLE,
        DEAR,
    ),
    _world(
        "silent loss",
        "The cheapest takes everything, delivers nothing, and says nothing.",
        _cheap(at(0, GOOD), at(1500, Quality(delivery=0.0, owned_up=0.0))),
        MIDDLE,
        DEAR,
    ),
    _world(
        "slow provider",
        "The cheapest delivers after half an hour; one-time passwords live five minutes.",
        _cheap(at(0, GOOD), at(1000, Quality(delay=1800.0))),
        MIDDLE,
        DEAR,
        classes={MessageClass.OTP: 1.0},
        life=300.0,
    ),
    _world(
        "hanging",
        "The cheapest accepts connections and never answers, for ten minutes.",
        _cheap(at(0, GOOD), at(1500, HANGING), at(2100, GOOD)),
        MIDDLE,
        DEAR,
    ),
    _world(
        "balance runs dry",
        "The cheapest has money for a third of the messages.",
        _cheap(at(0, GOOD), balance=Decimal(1200)),
        MIDDLE,
        DEAR,
    ),
    _world(
        "balance runs dry and is filled",
        "It is empty for a while.",
        _cheap(at(0, GOOD), balance=Decimal(900), top_ups=((2500.0, Decimal(5000)),)),
        MIDDLE,
        DEAR,
    ),
    _world(
        "price jump",
        "The cheapest doubles its prices, and tells so only in its answers.",
        _cheap(at(0, GOOD), dearer=((1500.0, Decimal(2)),), tells_price=True),
        MIDDLE,
        DEAR,
    ),
    _world(
        "ported numbers",
        "One number in five is served by another network than its range says.",
        Upstream(name="cheap", prices=prices("0.80", "1.60", "1.40", "0.95"), phases=(at(0, GOOD),)),
        Upstream(name="middle", prices=prices("1.10", "0.85", "1.00", "1.05"), phases=(at(0, GOOD),)),
        DEAR,
        ported=0.2,
        lookup_price=Decimal("0.04"),
    ),
    _world(
        "dead numbers",
        "One number in five does not exist; what is sent there is paid for all the same.",
        *ALL,
        dead=0.2,
        lookup_price=Decimal("0.04"),
    ),
    _world(
        "fake delivery",
        "The cheapest drops half and reports all as delivered; recipients confirm what they get.",
        _cheap(at(0, Quality(delivery=0.5, faked=1.0, delay=3.0))),
        MIDDLE,
        DEAR,
        confirmed=0.7,
        classes={MessageClass.OTP: 1.0},
    ),
    _world("throttling", "The cheapest takes one message in two seconds.", _cheap(at(0, GOOD), rate=0.5), MIDDLE, DEAR),
    _world(
        "all down",
        "For five minutes nobody takes anything.",
        *(
            Upstream(
                name=one.name, prices=one.prices, phases=(*one.phases, at(1500, DOWN), at(1800, one.phases[0].quality))
            )
            for one in ALL
        ),
    ),
    _world(
        "a new provider, good",
        "A cheaper provider joins, about which nothing is known.",
        MIDDLE,
        DEAR,
        Upstream(name="new", prices=flat("0.80"), phases=(at(0, GOOD),), joins=0.0),
    ),
    _world(
        "a new provider, bad",
        "A cheaper provider that loses half of what it takes.",
        MIDDLE,
        DEAR,
        Upstream(name="new", prices=flat("0.80"), phases=(at(0, Quality(delivery=0.5)),)),
    ),
    _world(
        "mixed classes",
        "Passwords, orders and newsletters; the cheapest is poor.",
        Upstream(name="cheap", prices=flat("0.60"), phases=(at(0, Quality(delivery=0.85)),)),
        MIDDLE,
        DEAR,
        classes={MessageClass.OTP: 0.3, MessageClass.TRANSACTIONAL: 0.4, MessageClass.MARKETING: 0.3},
    ),
    _world(
        "paid on delivery",
        "The cheapest charges for what arrives only, and loses a quarter.",
        Upstream(
            name="cheap", prices=flat("0.90"), phases=(at(0, Quality(delivery=0.75)),), charged_on=ChargedOn.DELIVERY
        ),
        MIDDLE,
        DEAR,
    ),
    _world(
        "reports are sparse",
        "Two of three report only half of what they deliver, as the configuration says.",
        *(
            Upstream(name=one.name, prices=one.prices, phases=(at(0, HALF_REPORTED),), silence=Silence.NOTHING)
            for one in (CHEAP, MIDDLE)
        ),
        DEAR,
    ),
    _world(
        "reports are sparse, confirmed",
        "Two of three report only half of what they deliver, unbeknown to us; recipients confirm.",
        *(Upstream(name=one.name, prices=one.prices, phases=(at(0, HALF_REPORTED),)) for one in (CHEAP, MIDDLE)),
        DEAR,
        confirmed=0.5,
    ),
    _world(
        "ten providers",
        "Ten of different price and quality, two of which fail in turn.",
        *(
            Upstream(
                name=f"p{place}",
                prices=flat(f"{0.85 + 0.04 * place:.2f}"),
                phases=(
                    at(0, Quality(delivery=0.92 + 0.007 * place)),
                    *(
                        (at(1000 + 500 * place, Quality(delivery=0.3)), at(2000 + 500 * place, GOOD))
                        if place < 2
                        else ()
                    ),
                ),
            )
            for place in range(10)
        ),
    ),
    _world(
        "little traffic",
        "A message every half minute, and the cheapest begins to lose half.",
        _cheap(at(0, GOOD), at(20000, Quality(delivery=0.5))),
        MIDDLE,
        DEAR,
        messages=2000,
        rate=1 / 30,
    ),
)
