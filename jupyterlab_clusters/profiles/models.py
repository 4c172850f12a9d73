"""Profiles as the wire tells them. Promise: plain data."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

#: As in ``launchers/base.py``, of which profiles know nothing; a test compares the two.
LauncherName = Literal["local", "ssh", "mpi", "slurm", "stock"]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    line: int | None = None


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A trait a profile sets (``Cluster.n``), with the file (and line, where known) that sets it; ``overrides`` = where
    another file sets it in vain."""

    name: str
    value: Any
    file: str
    line: int | None = None
    overrides: Place | None = None


class ProfileError(msgspec.Struct, frozen=True, kw_only=True):
    message: str
    file: str | None = None
    line: int | None = None


class ProfileModel(msgspec.Struct, frozen=True, kw_only=True):
    """An IPython profile; ``loading`` until its configuration has been read.

    ``options`` = what it asks of its launcher, in that launcher's own options; ``as_written`` = why they do not say
    all, so that ipyparallel's own launcher is used, ``None`` when they do."""

    name: str
    path: str
    launcher: LauncherName
    loading: bool
    settings: list[Setting] = []
    errors: list[ProfileError] = []
    options: dict[str, Any] = {}
    as_written: str | None = None
