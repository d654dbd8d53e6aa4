"""Fetches secrets from where router.toml says they are: the environment, a file, a credential of systemd."""

import stat
from collections.abc import Mapping
from pathlib import Path

from pointsman.secret import Secret

HOW = '{ env = "NAME" }, { file = "PATH" } or { credential = "NAME" }'
MAX_BYTES = 64 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SecretReader:
    """Resolves references to secrets. Its errors name the source and never the content.

    `base` is the folder of the configuration: relative paths start there.
    """

    def __init__(self, env: Mapping[str, str], base: Path) -> None:
        self._env = env
        self._base = base
        self._revealed: set[str] = set()

    def read(self, value: object) -> Secret:
        """Return the secret that a reference points to. Raises `ValueError` when there is none."""
        match value:
            case str():
                raise ValueError(f"a secret is never written into the configuration; write {HOW}")
            case {"env": str(name), **others} if not others:
                text = self._from_env(name)
            case {"file": str(name), **others} if not others:
                text = self._from_file(self._base / name, others_may_read=False)
            case {"credential": str(name), **others} if not others:
                text = self._from_credential(name)
            case _:
                raise ValueError(f"expected a reference to a secret: {HOW}")
        self._revealed.add(text)
        return Secret(text)

    def hide(self, text: str) -> str:
        """Return a text without the secrets that were read: for messages that come from somebody else's code."""
        for secret in sorted(self._revealed, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def _from_env(self, name: str) -> str:
        if name not in self._env:
            raise ValueError(f"the environment variable {name} is not set; set it to the secret")
        if not self._env[name]:
            raise ValueError(f"the environment variable {name} is empty; set it to the secret")
        return self._env[name]

    def _from_credential(self, name: str) -> str:
        folder = self._env.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise ValueError(
                f"there are no credentials: CREDENTIALS_DIRECTORY is not set;"
                f" add LoadCredential={name}:PATH to the systemd unit, or write {{ file = … }}"
            )
        if not name or "/" in name or name in {".", ".."}:
            raise ValueError("the name of a credential has no slash; write the name given in LoadCredential=")
        # systemd grants access to the service's user through an ACL, which shows as permission bits of the group.
        return self._from_file(Path(folder) / name, others_may_read=True)

    def _from_file(self, path: Path, *, others_may_read: bool) -> str:
        try:
            with path.open("rb") as file:
                if not others_may_read and path.stat().st_mode & _OTHERS:
                    raise ValueError(f"the secret file {path} is open to other users; run: chmod 600 {path}")
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise ValueError(f"the secret file {path} cannot be read: {error.strerror}") from None
        if len(content) > MAX_BYTES:
            raise ValueError(f"the secret file {path} is larger than {MAX_BYTES} bytes; this cannot be a secret")
        try:
            text = content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise ValueError(f"the secret file {path} is not text in UTF-8") from None
        if not text:
            raise ValueError(f"the secret file {path} is empty; write the secret into it")
        return text
