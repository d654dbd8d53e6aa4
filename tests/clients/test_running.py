"""What becomes of a test whose program this machine does not have, and what clients get to see of this machine."""

import pytest

from .running import needed, surroundings


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]) -> None:
    """Whoever develops without it skips the test and reads what to install; CI must not pass without it."""
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(outcome, match=r"^curl is missing; install the package curl-minimal$"):
        needed("curl", "curl-minimal")


def test_clients_see_no_proxy_and_no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """A proxy of this machine must not carry a client's requests elsewhere."""
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY", "NODE_OPTIONS", "PYTHONPATH"):
        monkeypatch.setenv(name, "http://proxy.example:3128")

    assert surroundings(tmp_path).keys() == {"PATH", "HOME", "TZ", "LC_ALL"}
    assert surroundings(tmp_path)["HOME"] == str(tmp_path)
