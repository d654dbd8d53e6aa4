"""The list of commands. Each is named by where it is, and imported when it is called."""

from importlib import metadata
from typing import NoReturn

from cyclopts import App
from rich.console import Console

COMMANDS = {
    "send": ("sending:send", "Send one message, or those of a CSV file."),
    "lookup": ("looking:lookup", "Ask for the state and the network of numbers (HLR)."),
    "explain": ("explaining:explain", "Say which provider would take a message now and why; nothing is sent."),
    "replay": ("replaying:again", "Make recorded decisions again: to compare, or to ask what if."),
    "providers": ("providers:providers", "Show how the providers are doing."),
    "inbox": ("inbox:inbox", "Show the messages that people sent to a provider's account."),
    "statistics": ("asking:statistics", "Show a provider's own figures about a span of time."),
    "prices": ("asking:prices", "Show a provider's own price list beside ours."),
    "status": ("asking:status", "Ask a provider what became of one message."),
    "plugins": ("plugins:plugins", "Show which plugins are loaded, and which are out of use and why."),
    "check": ("checking:check", "Check the configuration and list everything that is wrong with it."),
    "sandbox": ("sandboxes:sandbox", "Serve every provider's sandbox on this machine until Ctrl-C."),
    "demo": ("shows:demo", "Send a few hundred messages through the sandboxes while things go wrong there."),
    "bench": ("shows:bench", "Measure the speed against a bare client in the same run."),
}
"""Where each command is, and its line in the overview."""


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
        app.command(f"pointsman.cli.{place}", name=name, help=summary, sort_key=position)
    return app
