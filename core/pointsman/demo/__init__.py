"""The demonstration: the router and three sandboxes in one process, a script of faults, and what came of it."""

from pointsman.demo.run import run_demo

__all__ = ["run_demo"]
