"""The list of commands. Each is named by where it is, and imported when it is called."""

from collections.abc import Sequence
from importlib import metadata
from typing import NoReturn

from cyclopts import App
from rich.console import Console

COMMANDS = {
    "serve": ("serving:serve", "Run the server: the HTTP API, until SIGTERM or Ctrl-C."),
    "send": ("sending:send", "Send one message, or those of a CSV file."),
    "lookup": ("looking:lookup", "Ask for the state and the network of numbers (HLR)."),
    "explain": ("explaining:explain", "Say which provider would take a message now and why; nothing is sent."),
    "replay": ("replaying:again", "Make recorded decisions again: to compare, or to ask what if."),
    "providers": ("providers:providers", "Show how the providers are doing."),
    "inbox": ("inbox:inbox", "Show the messages that people sent to a provider's account."),
    "statistics": ("asking:statistics", "Show a provider's own figures about a span of time."),
    "prices": ("asking:prices", "Show a provider's own price list beside ours; check, import and compare lists."),
    "status": ("asking:status", "Ask a provider what became of one message."),
    "plugins": ("plugins:plugins", "Show which plugins are loaded, and which are out of use and why."),
    "check": ("checking:check", "Check the configuration and list everything that is wrong with it."),
    "key": ("keymaking:key", "Make a key for a client of the server; it is shown once."),
    "journal": ("journals:show", "Look into a journal, check it, copy it, or save what is left of a damaged one."),
    "sandbox": ("sandboxes:sandbox", "Serve every provider's sandbox on this machine until Ctrl-C."),
    "demo": ("shows:demo", "Send a few hundred messages through the sandboxes while things go wrong there."),
    "bench": ("shows:bench", "Measure the speed against a bare client in the same run."),
}
"""Where each command is, and its line in the overview."""
PARTS = {
    "prices": {
        "show": ("asking:prices", "Show a provider's own price list beside ours; `prices NAME` is short for it."),
        "check": ("pricelists:check", "Look for mistakes in price lists."),
        "import": ("pricelists:import_", "Turn a provider's own price table into a price list of ours."),
        "diff": ("pricelists:diff", "Show what is different between two price lists."),
    },
    "journal": {
        "show": ("journals:show", "Show what is in a journal; `journal` and `journal FILE` are short for it."),
        "check": ("journals:check", "Check all of a journal and say what can be saved."),
        "backup": ("journals:backup", "Copy a journal, also while a daemon uses it."),
        "salvage": ("journals:salvage", "Save what can be read of a damaged journal into a new one."),
    },
}
"""Commands that have commands of their own; the first one is meant where none is named."""
_NEED_NOTHING = frozenset({"journal"})
"""Commands whose first part can do without any argument."""
_HELP = frozenset({"--help", "-h"})


class ReaderGone(Exception):
    """Whoever was shown the help has read enough of it."""


class _HelpConsole(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Say so; rich itself would end the process as a failure."""
        raise ReaderGone


def build_app() -> App:
    """Return the application."""
    app = App(
        name="pointsman",
        console=_HelpConsole(),
        help="Routes SMS, Viber and HLR lookups over several providers, by cost, balance and health.",
        version=lambda: f"pointsman {metadata.version('pointsman')}",
        version_format="plaintext",
        help_format="plaintext",
        suppress_keyboard_interrupt=False,
    )
    for position, (name, (place, summary)) in enumerate(COMMANDS.items()):
        parts = PARTS.get(name)
        if parts is None:
            app.command(f"pointsman.cli.{place}", name=name, help=summary, sort_key=position)
            continue
        group = App(name=name, help=summary, sort_key=position, help_format="plaintext")
        for order, (part, (part_place, part_summary)) in enumerate(parts.items()):
            group.command(f"pointsman.cli.{part_place}", name=part, help=part_summary, sort_key=order)
        app.command(group)
    return app


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """Return a command line with the part of the command that it means: `prices x` is `prices show x`.

    A provider that is called like a part is reached by the long form.
    """
    parts = PARTS.get(arguments[0]) if arguments else None
    if parts is None or (len(arguments) == 1 and arguments[0] not in _NEED_NOTHING):
        return list(arguments)
    if arguments[1:] and (arguments[1] in parts or arguments[1] in _HELP):
        return list(arguments)
    return [arguments[0], next(iter(parts)), *arguments[1:]]
