"""A program of its own: reads a profile's configuration as ``ipcluster`` would, and tells what it sets and where.

Configuration files are programs. They run here, in a child with a time limit,
whatever they do. Promise: the answer is JSON, one object a line, on what was
our output at the start; what the files print goes to the errors' output. Must
import nothing of ours (it is started by path) and nothing slow without need.

Read: ``{"profile_dir", "ipython_dir", "seconds"}`` on the input. Told:
``{"reading": file}`` before each file, at the end ``{"settings", "errors", "files"}``.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

if sys.path and os.path.realpath(sys.path[0] or ".") == os.path.dirname(os.path.realpath(__file__)):
    del sys.path[0]  # or this folder's modules would be taken for a stranger's of the same name

from traitlets.config.loader import (
    Config,
    ConfigFileNotFound,
    JSONFileConfigLoader,
    LazyConfigValue,
    PyFileConfigLoader,
)

HIDDEN = re.compile(r"[._](key|secretkey|secret|password|passphrase|token)$", re.I)
OLD_SECTIONS = ("IPClusterStart", "IPClusterEngines")
OLD_TRAITS = (
    "delay",
    "engine_launcher_class",
    "controller_launcher_class",
    "controller_ip",
    "controller_location",
    "n",
)
LONGEST_WORDS = 2_000  # characters of what has no other form

Place = tuple[str, "int | None"]


class OutOfTime(BaseException):
    """Not an ``Exception``: configuration files catch those."""

    def __init__(self, place: Place) -> None:
        super().__init__("out of time")
        self.place = place


class Places:
    """Where each value was assigned: Config objects are asked to note who calls them."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self._places: dict[tuple[int, str], Place] = {}
        self._alive: list[Config] = []  # or another object might get the same id

    def watch(self) -> None:
        plain_set, plain_get, plain_merge = Config.__setitem__, Config.__getitem__, Config.merge

        def noting_set(config: Config, key: str, value: Any) -> None:
            self._note(config, key)
            plain_set(config, key, value)

        def noting_get(config: Config, key: str) -> Any:
            value = plain_get(config, key)
            if isinstance(value, LazyConfigValue):
                self._note(config, key)
            return value

        def noting_merge(config: Config, other: Any) -> None:
            for key in other:
                if (place := self._places.get((id(other), key))) is not None:
                    self._alive.append(config)
                    self._places[id(config), key] = place
            plain_merge(config, other)

        Config.__setitem__ = noting_set  # type: ignore[method-assign]
        Config.__getitem__ = noting_get  # type: ignore[method-assign]
        Config.merge = noting_merge  # type: ignore[method-assign,assignment]

    def of(self, config: Config, key: str) -> Place | None:
        return self._places.get((id(config), key))

    def in_files(self, frame: FrameType | None) -> Place | None:
        while frame is not None:
            if frame.f_code.co_filename in self.files:
                return frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back
        return None

    def _note(self, config: Config, key: str) -> None:
        place = self.in_files(sys._getframe(2))
        if place is not None:
            self._alive.append(config)
            self._places[id(config), key] = place


class Loader(PyFileConfigLoader):
    """As IPython's, it lets a file load another profile's."""

    places: Places
    ipython_dir: str

    def load_subconfig(self, fname: str, path: str | None = None, profile: str | None = None) -> None:
        if profile is not None:
            path = os.path.join(self.ipython_dir, f"profile_{profile}")
            if not os.path.isdir(path):
                return
        super().load_subconfig(fname, path)

    def _read_file_as_dict(self) -> None:
        self.places.files.append(self.full_filename)
        super()._read_file_as_dict()


class Reader:
    def __init__(self, profile_dir: str, ipython_dir: str, tell: Callable[[dict[str, Any]], None]) -> None:
        self.tell = tell
        self.errors: list[dict[str, Any]] = []
        self.settings: list[dict[str, Any]] = []
        self.places = Places()
        self.places.watch()
        Loader.places, Loader.ipython_dir = self.places, ipython_dir
        # In descending order of precedence, as in IPython.core.application.
        self.folders = [
            profile_dir,
            os.path.join(sys.prefix, "etc", "ipython"),
            "/usr/local/etc/ipython",
            "/etc/ipython",
        ]

    def read(self) -> None:
        self._read_app(["ipython_config", "ipcluster_config"], "ipcluster")
        self._read_app(["ipcontroller_config"], "ipcontroller")
        self._read_app(["ipengine_config"], "ipengine")

    def _read_app(self, names: list[str], app: str) -> None:
        effective = Config()
        sources: dict[str, Place] = {}
        overridden: dict[str, Place] = {}
        for name in names:
            together = Config()
            for folder in reversed(self.folders):
                for suffix in (".py", ".json"):
                    config = self._load(name + suffix, folder)
                    if config is not None:
                        for trait, place in self._sources(config, os.path.join(folder, name + suffix)):
                            if trait in sources and sources[trait][0] != place[0]:
                                overridden[trait] = sources[trait]
                            sources[trait] = place
                        together.merge(config)
            effective.merge(together)
        values = {name: config[key] for name, config, key in leaves(effective)}
        if app == "ipcluster":
            rename_old(values, sources)
        for name, value in values.items():
            file, line = sources[name]
            of_ipython = os.path.basename(file).startswith("ipython_config.")
            if of_ipython and not name.startswith(("Cluster.", *OLD_SECTIONS)) and "Launcher." not in name:
                continue
            told = "(hidden)" if HIDDEN.search(name) and value else jsonable(resolved(name, value))
            below = overridden.get(name)
            self.settings.append(
                {
                    "name": name,
                    "value": told,
                    "file": file,
                    "line": line,
                    "app": app,
                    "overrides": below and {"file": below[0], "line": below[1]},
                }
            )

    def _sources(self, config: Config, file: str) -> Iterator[tuple[str, Place]]:
        for name, section, key in leaves(config):
            place = self.places.of(section, key)
            yield name, place or (file, line_in_json(file, name) if file.endswith(".json") else None)

    def _load(self, name: str, folder: str) -> Config | None:
        file = os.path.join(folder, name)
        if not os.path.isfile(file):
            return None
        self.tell({"reading": file})
        try:
            loader = Loader(name, path=folder) if name.endswith(".py") else JSONFileConfigLoader(name, path=folder)
            config = loader.load_config()
            list(leaves(config))
        except ConfigFileNotFound:
            return None
        except OutOfTime:
            raise
        except BaseException as error:  # noqa: BLE001 - a configuration file may raise whatever it likes
            self.errors.append(self._described(error, file))
            return None
        return config

    def _described(self, error: BaseException, file: str) -> dict[str, Any]:
        if isinstance(error, SyntaxError) and error.filename:
            return {"message": f"{type(error).__name__}: {error.msg}", "file": error.filename, "line": error.lineno}
        if isinstance(error, json.JSONDecodeError) and file.endswith(".json"):
            return {"message": f"This is not JSON: {error.msg}", "file": file, "line": error.lineno}
        place: Place = (file, None)
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in self.places.files:
                place = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            trace = trace.tb_next
        if isinstance(error, SystemExit):
            return {
                "message": f"The file ends Python by SystemExit({error.code!r})",
                "file": place[0],
                "line": place[1],
            }
        return {"message": f"{type(error).__name__}: {error}"[:LONGEST_WORDS], "file": place[0], "line": place[1]}


def leaves(config: Config, prefix: str = "") -> Iterator[tuple[str, Config, str]]:
    """Every trait: its whole name, its section, its name there."""
    for key, value in config.items():
        if isinstance(value, Config):
            yield from leaves(value, f"{prefix}{key}.")
        elif isinstance(value, LazyConfigValue) and not value.to_dict():
            continue  # was only looked at
        elif prefix:
            yield f"{prefix}{key}", config, key


def rename_old(values: dict[str, Any], sources: dict[str, Place]) -> None:
    """ipcluster understands the names of ipyparallel before 7 where the new ones are not set."""
    for section in OLD_SECTIONS:
        for trait in OLD_TRAITS:
            old, new = f"{section}.{trait}", f"Cluster.{trait}"
            if old in values and new not in values:
                values[new], sources[new] = values.pop(old), sources[old]


def resolved(name: str, value: Any) -> Any:
    """What ``append`` and the like make of the trait's default."""
    if not isinstance(value, LazyConfigValue):
        return value
    section, _, trait = name.rpartition(".")
    changes = value.to_dict()
    update = changes.get("update")
    nothing: Any = type(update)() if update is not None else []
    try:
        default = default_of(section.rpartition(".")[2], trait)
    except Exception:  # noqa: BLE001 - importing strangers' launchers may fail in any way
        default = None
    return value.get_value(default if isinstance(default, (list, dict, set)) else nothing)


def default_of(section: str, trait: str) -> Any:
    from importlib import import_module

    for module in ("cluster.cluster", "cluster.launcher", "cluster.app", "controller.app", "engine.app"):
        owner = getattr(import_module(f"ipyparallel.{module}"), section, None)
        if owner is not None:
            return owner.class_traits()[trait].default()
    return None


def jsonable(value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value if not isinstance(value, str) else str(value).encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if depth > 20:
        return "…"
    if isinstance(value, dict):
        return {str(jsonable(key, depth + 1)): jsonable(of, depth + 1) for key, of in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((jsonable(item, depth + 1) for item in value), key=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)[:LONGEST_WORDS]


def line_in_json(file: str, name: str) -> int | None:
    """The line on which the last part of ``name`` stands, after the parts before it."""
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    at = start = 0
    for part in name.split("."):
        found = re.compile(re.escape(json.dumps(part)) + r"\s*:").search(text, at)
        if found is None:
            return None
        at, start = found.end(), found.start()
    return text.count("\n", 0, start) + 1


def own_output() -> Callable[[dict[str, Any]], None]:
    """Our output for ourselves; whoever prints from now on prints to the errors' output."""
    ours = os.dup(1)
    os.dup2(2, 1)

    def tell(what: dict[str, Any]) -> None:
        text = memoryview(json.dumps(what).encode() + b"\n")
        while text:
            text = text[os.write(ours, text) :]

    return tell


def limit_time(seconds: float, places: Places) -> None:
    def out_of_time(_number: int, frame: FrameType | None) -> NoReturn:
        raise OutOfTime(places.in_files(frame) or ("", None))

    signal.signal(signal.SIGALRM, out_of_time)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def main() -> NoReturn:
    asked = json.load(sys.stdin)
    tell = own_output()
    reader = Reader(asked["profile_dir"], asked["ipython_dir"], tell)
    try:
        limit_time(asked["seconds"], reader.places)
        reader.read()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except OutOfTime as error:
        message = f"The file was not done within {asked['seconds']:g} s"
        reader.errors.append({"message": message, "file": error.place[0] or None, "line": error.place[1]})
    tell({"settings": reader.settings, "errors": reader.errors, "files": reader.places.files})
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads and exit handlers that a file left behind are not waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
