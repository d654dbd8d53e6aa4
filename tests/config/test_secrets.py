"""Secrets come from outside of the configuration, and no message shows one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.config.secrets import SecretReader
from pointsman.secret import Secret


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a secret file that only its owner may read."""
    file = tmp_path / "key.txt"
    file.write_text("s3cret\n")
    file.chmod(0o600)
    return tmp_path


def test_secret_of_the_environment(folder: Path) -> None:
    """A variable of the environment gives its value."""
    assert SecretReader({"K": "s3cret"}, folder).read({"env": "K"}) == Secret("s3cret")


def test_secret_of_a_file(folder: Path) -> None:
    """A file, named from the folder of the configuration, gives its content without the last line end."""
    assert SecretReader({}, folder).read({"file": "key.txt"}) == Secret("s3cret")


def test_secret_of_a_credential(folder: Path) -> None:
    """A credential of systemd is read from its folder, whose files show as open to the group."""
    (folder / "key.txt").chmod(0o440)
    env = {"CREDENTIALS_DIRECTORY": str(folder)}

    assert SecretReader(env, Path("elsewhere")).read({"credential": "key.txt"}) == Secret("s3cret")


def change(mode: int | None = None, content: bytes | None = None) -> Callable[[Path], None]:
    """Return what changes the secret file before it is read."""

    def apply(file: Path) -> None:
        if content is not None:
            file.write_bytes(content)
        if mode is not None:
            file.chmod(mode)

    return apply


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [
        (change(mode=0o640), "open to other users; run: chmod 600"),
        (change(mode=0o604), "open to other users; run: chmod 600"),
        (change(content=b""), "is empty"),
        (change(content=b"\n"), "is empty"),
        (change(content=b"\xff\xfe"), "not text in UTF-8"),
        (change(content=b"x" * 70_000), "larger than"),
        (Path.unlink, "cannot be read: No such file"),
    ],
    ids=["group", "others", "empty", "only-a-line-end", "bytes", "huge", "missing"],
)
def test_unusable_secret_files(folder: Path, prepare: Callable[[Path], None], problem: str) -> None:
    """A secret file that is open to others, or cannot be a secret, is refused with what to do."""
    prepare(folder / "key.txt")

    with pytest.raises(ValueError, match=problem):
        SecretReader({}, folder).read({"file": "key.txt"})


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("hunter2", "never written into the configuration"),
        ({"env": "MISSING"}, "the environment variable MISSING is not set"),
        ({"env": "EMPTY"}, "the environment variable EMPTY is empty"),
        ({"env": "K", "file": "x"}, "expected a reference"),
        ({"env": 7}, "expected a reference"),
        ({"evn": "K"}, "expected a reference"),
        ({}, "expected a reference"),
        (["K"], "expected a reference"),
        (7, "expected a reference"),
        ({"credential": "x"}, "CREDENTIALS_DIRECTORY is not set"),
    ],
    ids=repr,
)
def test_malformed_references(tmp_path: Path, reference: object, problem: str) -> None:
    """Anything but one way to a secret is refused; a secret that was written down is not repeated."""
    with pytest.raises(ValueError, match=problem) as caught:
        SecretReader({"EMPTY": "", "K": "s3cret"}, tmp_path).read(reference)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["../key.txt", "/etc/passwd", "..", "."])
def test_credential_cannot_leave_its_folder(folder: Path, name: str) -> None:
    """The name of a credential is a name, not a path."""
    with pytest.raises(ValueError, match="has no slash"):
        SecretReader({"CREDENTIALS_DIRECTORY": str(folder / "sub")}, folder).read({"credential": name})


def test_hidden_text() -> None:
    """Secrets that were read are removed from foreign messages, the longest first."""
    reader = SecretReader({"A": "abc", "B": "abcdef"}, Path())
    reader.read({"env": "A"})
    reader.read({"env": "B"})

    assert reader.hide("bad abcdef and abc") == "bad *** and ***"
