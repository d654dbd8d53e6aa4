"""Finds plugins one by one; a broken one is quarantined and named, and the others are not disturbed.

Theory of operation. Each plugin is registered with a manager of its own, so that what it does wrong is known to be its
doing, and no plugin can stand in the way of another. Nothing is loaded on import and nothing is global: whoever wants
plugins calls `load_plugins` and passes the set on.
"""

from pointsman.loading.find import load_plugins
from pointsman.loading.plugin_set import MAX_OBSERVER_FAILURES, PluginSet
from pointsman.loading.values import LoadedPlugin, Quarantine

__all__ = ["MAX_OBSERVER_FAILURES", "LoadedPlugin", "PluginSet", "Quarantine", "load_plugins"]
