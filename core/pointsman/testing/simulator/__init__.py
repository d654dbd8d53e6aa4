"""A messaging business in virtual time, to prove the choice in: providers that fail, recipients, prices, policies.

`play(world, seed, make)` plays a scenario under a policy. `Routed` is the router's own code, `Oracle` knows everything
but chance, `BASELINES` are the rules of the peers, and `SCENARIOS` what they are compared in.
"""

from pointsman.testing.simulator.baselines import BASELINES
from pointsman.testing.simulator.oracle import Oracle
from pointsman.testing.simulator.routed import Routed
from pointsman.testing.simulator.run import (
    Action,
    Journey,
    Look,
    MakePolicy,
    Policy,
    Result,
    Scene,
    Stop,
    Try,
    Wait,
    play,
)
from pointsman.testing.simulator.scenarios import SCENARIOS
from pointsman.testing.simulator.world import Letter, Phase, Quality, Upstream, World

__all__ = [
    "BASELINES",
    "SCENARIOS",
    "Action",
    "Journey",
    "Letter",
    "Look",
    "MakePolicy",
    "Oracle",
    "Phase",
    "Policy",
    "Quality",
    "Result",
    "Routed",
    "Scene",
    "Stop",
    "Try",
    "Upstream",
    "Wait",
    "World",
    "play",
]
