"""Files and folders that somebody else had his hands on, for real: other users, links, pipes, wide modes."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jupyterlab_clusters.host import private, start

from ..fair import clock

#: Another user of the same machine.
NOBODY = 65534

APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT


@pytest.fixture(autouse=True)
def root_only() -> None:
    if os.geteuid() != 0:
        pytest.fail("these tests become another user and so need root, as in the project's CI")


def written(path: Path, mode: int = 0o600) -> Path:
    path.write_text("the content")
    path.chmod(mode)
    return path


def linked(path: Path) -> None:
    written(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def piped(path: Path) -> None:
    os.mkfifo(path, 0o600)


def given_away(path: Path) -> None:
    os.chown(written(path), NOBODY, NOBODY)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a link": linked,
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a pipe": piped,
    "a folder": lambda path: path.mkdir(mode=0o700),
    "of another user": given_away,
    "the group may write": lambda path: written(path, 0o660),
    "all may write": lambda path: written(path, 0o602),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_not_ours_alone_is_not_opened(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "file"
    DAMAGE[damage](path)
    began = clock()
    for flags in (os.O_RDONLY, APPEND):
        with pytest.raises(OSError) as refused:
            os.close(private.opened(path, flags))
        assert isinstance(refused.value, (PermissionError, IsADirectoryError, FileNotFoundError))
    assert clock() - began < 1, "a pipe must hold up nobody"
    assert not (tmp_path / "nowhere").exists(), "nothing is made at the end of a link"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_secret_that_others_could_read_is_not_used(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "key", mode)
    with pytest.raises(PermissionError, match="by others"):
        private.read(path, secret=True)
    path.chmod(0o600)
    assert private.read(path, secret=True) == "the content"


def test_what_is_made_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        os.close(private.opened(tmp_path / "log", APPEND))
        private.write(tmp_path / "record", "x")
        private.private_folder(tmp_path / "folder")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"log": 0o600, "record": 0o600, "folder": 0o700}


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    victim = written(tmp_path / "victim")
    (tmp_path / "record").symlink_to(victim)
    private.write(tmp_path / "record", "new")
    assert victim.read_text() == "the content"
    assert not (tmp_path / "record").is_symlink() and (tmp_path / "record").read_text() == "new"


def test_folders(tmp_path: Path) -> None:
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen").chmod(0o755)
    with pytest.raises(PermissionError, match="open to others"):
        private.private_folder(tmp_path / "seen")
    private.private_folder(tmp_path / "seen", mend=True)
    assert stat.S_IMODE((tmp_path / "seen").stat().st_mode) == 0o700
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o770)
    (tmp_path / "theirs").mkdir(mode=0o700)
    os.chown(tmp_path / "theirs", NOBODY, NOBODY)
    (tmp_path / "link").symlink_to(tmp_path / "seen")
    for name in ("shared", "theirs", "link"):
        with pytest.raises(PermissionError):
            private.private_folder(tmp_path / name, mend=True)


@contextmanager
def listening_as_nobody(folder: Path) -> Iterator[None]:
    code = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen();"
        "print('ready', flush=True); sys.stdin.read()"
    )
    argv = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable, "-S", "-c", code]
    squatter = subprocess.Popen(
        [*argv, str(folder / start.SOCKET)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"
    )
    assert squatter.stdin and squatter.stdout
    try:
        assert squatter.stdout.readline() == b"ready\n"
        yield
    finally:
        squatter.stdin.close()
        squatter.wait(10)
        squatter.stdout.close()


def test_an_agent_of_another_user_is_told_nothing(home: Path) -> None:
    """His socket stands where ours should: he is known by his credentials before a word is said."""
    home.chmod(0o755)
    (home / "run").mkdir()
    (home / "run").chmod(0o777)
    with listening_as_nobody(home / "run"):
        with pytest.raises(PermissionError, match="another user"):
            start.connect(home / "run")
        (home / "run").chmod(0o700)
        with pytest.raises(PermissionError, match="another user"):
            start.ensure_agent(home / "run")


def test_a_folder_that_was_squatted_is_not_used(home: Path) -> None:
    """Whoever makes the folder first, in a place where all may write, would own the agent."""
    home.chmod(0o1777)
    subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "mkdir", "-m", "700", home / "run"],
        check=True,
    )
    with pytest.raises(PermissionError, match="another user"):
        start.ensure_agent(home / "run")
    assert list((home / "run").iterdir()) == []


def test_both_ends_of_a_pair_are_the_same_user() -> None:
    one, two = socket.socketpair()
    with one, two:
        assert private.same_user(one) and private.same_user(two)
