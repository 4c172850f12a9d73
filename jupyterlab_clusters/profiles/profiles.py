"""The IPython profiles of this user.

Promise: naming them is quick; their configuration is read in child processes,
in the background, and only when a file has changed. Must never run a
configuration file in this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ..errors import BadInput, CannotNow
from ..launchers.asked import Asked, asked, says_no_more, settings_beside, settings_of
from ..launchers.command import CommandFailed, Done, run
from .models import LauncherName, Place, ProfileError, ProfileModel, Setting
from .writer import write_settings

NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,64}", re.ASCII)
READER = Path(__file__).with_name("reader.py")
APPS = ("ipython", "ipcluster", "ipcontroller", "ipengine")
SYSTEM_FOLDERS = (Path(sys.prefix, "etc", "ipython"), Path("/usr/local/etc/ipython"), Path("/etc/ipython"))
AT_ONCE = 2  # readings
MOST_OUTPUT = 8 << 20  # bytes
KILL_AFTER = 1.0  # seconds the reader has to say what was not done in time

Signature = frozenset[tuple[str, int, int, int]]


class _Answer(msgspec.Struct):
    """The reader's last line; ``app`` tells whose configuration a setting is."""

    class Of(msgspec.Struct):
        name: str
        value: Any
        file: str
        line: int | None
        app: str
        overrides: Place | None = None

    settings: list[Of]
    errors: list[ProfileError]
    files: list[str]


@dataclass(frozen=True)
class _Read:
    """``effective`` are the values that ``ipcluster`` would get."""

    model: ProfileModel
    signature: Signature | None = None
    files: tuple[str, ...] = ()
    effective: Mapping[str, Any] = field(default_factory=dict)


class Profiles:
    """``time_limit`` in seconds for reading one profile. ``on_change`` is called with a profile's name when its model
    has become another, on the loop of whoever asked for the refresh. Safe to use from any thread."""

    def __init__(
        self,
        *,
        ipython_dir: Path | None = None,
        time_limit: float = 5.0,
        on_change: Callable[[str], None] | None = None,
    ) -> None:
        self._dir = Path(ipython_dir) if ipython_dir is not None else _usual_dir()
        self._limit = time_limit
        self.on_change = on_change
        self._read: dict[str, _Read] = {}
        self._underway: dict[str, Future[bool]] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="profiles")

    def names(self) -> list[str]:
        """``default`` first, which is always there, then those that have a folder."""
        found: set[str] = set()
        with contextlib.suppress(OSError), os.scandir(self._dir) as entries:
            for entry in entries:
                name = entry.name.removeprefix("profile_")
                if name != entry.name and NAME.fullmatch(name) and entry.is_dir():
                    found.add(name)
        return ["default", *sorted(found - {"default"})]

    def path(self, name: str) -> Path:
        """The profile's folder, whether it exists or not. Raises :class:`BadInput`."""
        if not NAME.fullmatch(name):
            raise BadInput(
                f"{name!r} is not the name of a profile: letters, digits, '_', '-' and '.', at most 64, no '.' first.",
                field="profile",
            )
        return self._dir / f"profile_{name}"

    def model(self, name: str) -> ProfileModel:
        """As last read; ``loading`` when that has not happened yet. No input or output."""
        path = self.path(name)
        read = self._read.get(name)
        if read is None:
            return ProfileModel(name=name, path=str(path), launcher="local", loading=True)
        return read.model

    def settings(self, name: str) -> dict[str, Any]:
        """The values by trait name that ``ipcluster`` would get, as last read: ``await refresh(name)`` first."""
        read = self._read.get(name)
        return dict(read.effective) if read is not None else {}

    async def refresh(self, name: str, *, anew: bool = False) -> bool:
        """Read the profile if a file of it has changed since; whether its model has become another.
        ``anew``: what was written until now counts, so a reading that has begun already is not enough."""
        self.path(name)
        if anew and (begun := self._underway.get(name)) is not None:
            await asyncio.shield(asyncio.wrap_future(begun))
        loop = asyncio.get_running_loop()
        with self._lock:
            underway = self._underway.get(name)
            if underway is None:
                underway = self._underway[name] = self._pool.submit(self._refresh, name, loop)
        # Others may wait for the same reading: cancelling one of them does not end it.
        return await asyncio.shield(asyncio.wrap_future(underway))

    async def refresh_all(self) -> None:
        """Refresh every profile there is."""
        names = await asyncio.to_thread(self.names)
        await asyncio.gather(*(self.refresh(name) for name in names))

    def write(
        self,
        name: str,
        settings: Mapping[str, Any],
        launcher: LauncherName | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> bool:
        """Set traits in the profile's ``ipcluster_config.json``, creating the profile if need be; ``None`` removes one.
        ``options`` of ``launcher`` become the traits that mean the same. Whether that file is new. Waits for the
        disk: call it in a thread.

        Raises :class:`BadInput`, :class:`WrongState`, :class:`CannotNow`."""
        self.create(name)
        file = self.path(name) / "ipcluster_config.json"
        meant, model = settings_of(launcher, options or {}) if launcher is not None else {}, self.model(name)
        if model.as_written and model.launcher == launcher and says_no_more(options or {}, model.options):
            meant = settings_beside(options or {})  # it says already what was chosen, and more: that stays
        elsewhere = {one.name: one.value for one in model.settings if one.file != str(file)}
        for trait, value in meant.items():
            if value is None and (there := elsewhere.get(trait)):
                meant[trait] = type(there)()  # removed from this file, the other's would be back
        with self._lock:
            return write_settings(file, {**meant, **settings})

    def create(self, name: str) -> bool:
        """Make the profile's folders as ``ipcluster start --profile`` does; whether it is new. Waits for the disk."""
        path = self.path(name)
        try:
            created = not path.is_dir()
            path.mkdir(parents=True, exist_ok=True)
            for folder, mode in (("security", 0o700), ("log", 0o777), ("pid", 0o700), ("startup", 0o777)):
                (path / folder).mkdir(mode=mode, exist_ok=True)
            if created:
                _add_readme(path / "startup")
        except OSError as error:
            raise CannotNow(
                f"The profile {path} cannot be created: {error.strerror}.", reason="not-writable"
            ) from error
        return created

    def close(self) -> None:
        """Read no more. Does not wait for what is underway."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    # -- in a thread of the pool -----------------------------------------------------------------------------

    def _refresh(self, name: str, loop: asyncio.AbstractEventLoop) -> bool:
        try:
            changed = self._reread(name)
        finally:
            with self._lock:
                del self._underway[name]
        if changed and self.on_change is not None:
            # A loop that was closed meanwhile has nobody left to tell.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self.on_change, name)
        return changed

    def _reread(self, name: str) -> bool:
        before = self._read.get(name)
        path = self.path(name)
        present = _signature(_files(path))
        if before is not None and present | _signature(before.files) == before.signature:
            return False
        read = self._told_by_reader(name, path, present) if present else _Read(_model(name, path, {}, [], []), present)
        self._read[name] = read
        return before is None or before.model != read.model

    def _told_by_reader(self, name: str, path: Path, present: Signature) -> _Read:
        answer = self._ask_reader(path)
        settings = [
            Setting(name=of.name, value=of.value, file=of.file, line=of.line, overrides=of.overrides)
            for of in answer.settings
        ]
        effective = {of.name: of.value for of in answer.settings if of.app == "ipcluster"}
        model = _model(name, path, effective, settings, answer.errors)
        return _Read(model, present | _signature(answer.files), tuple(answer.files), effective)

    def _ask_reader(self, path: Path) -> _Answer:
        asked = {"profile_dir": str(path), "ipython_dir": str(self._dir), "seconds": self._limit}
        command = run(
            [sys.executable, str(READER)],
            timeout=self._limit + KILL_AFTER,
            env={**os.environ, "IPYTHONDIR": str(self._dir)},
            stdin=msgspec.json.encode(asked),
            most_output=MOST_OUTPUT,
        )
        try:
            done = asyncio.run(command)
        except CommandFailed as failure:
            limit = f"was not done within {self._limit:g} s"
            return _without_answer(failure.stdout, limit if failure.stdout else str(failure))
        lines = done.stdout.splitlines()
        try:
            return msgspec.json.decode(lines[-1], type=_Answer)
        except (IndexError, msgspec.DecodeError):
            return _without_answer(done.stdout, _ending(done))


def _without_answer(stdout: str, what: str) -> _Answer:
    """The reader got no further than the file it was reading."""
    file = None
    for line in stdout.splitlines():
        with contextlib.suppress(msgspec.DecodeError):
            file = msgspec.json.decode(line, type=dict[str, str]).get("reading", file)
    return _Answer([], [ProfileError(message=f"The file {what}", file=file)], [])


def _ending(done: Done) -> str:
    last = done.stderr.strip().rpartition("\n")[2][:500]
    return f"ended Python with exit code {done.exit_code}" + (f": {last}" if last else "")


def _model(
    name: str, path: Path, effective: Mapping[str, Any], settings: list[Setting], errors: list[ProfileError]
) -> ProfileModel:
    means = _means(effective, path / "ipcluster_config.py", errors)
    return ProfileModel(
        name=name,
        path=str(path),
        launcher=means.launcher,
        loading=False,
        settings=settings,
        errors=errors,
        options=means.options,
        as_written=means.as_written,
    )


def _means(effective: Mapping[str, Any], file: Path, errors: list[ProfileError]) -> Asked:
    """A configuration may set anything to anything: what cannot be meant is an error of the profile."""
    try:
        return asked(effective)
    except (TypeError, ValueError, AttributeError) as error:
        errors.append(ProfileError(message=f"The launcher's settings cannot be understood: {error}", file=str(file)))
        return Asked("local")


def _files(path: Path) -> list[str]:
    folders = (path, *SYSTEM_FOLDERS)
    return [str(folder / f"{app}_config{suffix}") for folder in folders for app in APPS for suffix in (".py", ".json")]


def _signature(files: Iterable[str]) -> Signature:
    """Changes whenever one of the files does."""
    found = set()
    for file in files:
        with contextlib.suppress(OSError):
            status = os.stat(file)
            found.add((file, status.st_mtime_ns, status.st_size, status.st_ino))
    return frozenset(found)


def _usual_dir() -> Path:
    from IPython.paths import get_ipython_dir

    return Path(get_ipython_dir())


def _add_readme(folder: Path) -> None:
    """IPython's own note on what a startup folder is for, found without importing IPython."""
    found = importlib.util.find_spec("IPython")
    for package in found.submodule_search_locations or [] if found is not None else []:
        source = Path(package, "core", "profile", "README_STARTUP")
        if source.is_file():
            shutil.copy(source, folder / "README")
