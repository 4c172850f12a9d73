"""Writes settings to a profile's ``ipcluster_config.json``.

Promise: the file is afterwards either as it was or as it should be, whatever
fails in between; what we do not know in it stays.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BadInput, CannotNow, WrongState

TRAIT = re.compile(r"([A-Za-z_]\w*)\.([A-Za-z_]\w*)", re.ASCII)


def write_settings(path: Path, settings: Mapping[str, Any]) -> bool:
    """Set traits by name (``Cluster.n``), ``None`` removes one; whether the file is new.

    Raises :class:`BadInput`, :class:`WrongState` when the file there is not a configuration, :class:`CannotNow`."""
    # A link, as of people who keep their settings elsewhere, stays a link.
    target = Path(os.path.realpath(path))
    config, created = _present(target)
    for name, value in settings.items():
        _set(config, name, value)
    config["version"] = 1
    try:
        text = json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        content = text.encode()
    except (TypeError, ValueError) as error:
        raise BadInput(f"These settings cannot be written as JSON: {error}.", field="settings") from error
    try:
        _replace(target, content)
    except OSError as error:
        raise _told(error, path) from error
    return created


def _present(path: Path) -> tuple[dict[str, Any], bool]:
    try:
        config = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}, True
    except OSError as error:
        raise _told(error, path) from error
    except ValueError as error:
        raise WrongState(
            f"{path} is not valid JSON; mend or remove it first ({error}).", reason="profile-broken"
        ) from error
    if not isinstance(config, dict) or config.get("version", 1) != 1:
        raise WrongState(
            f"{path} is not a configuration of version 1; mend or remove it first.", reason="profile-broken"
        )
    return config, False


def _set(config: dict[str, Any], name: str, value: Any) -> None:
    match = TRAIT.fullmatch(name)
    if match is None:
        raise BadInput(f"{name!r} is not the name of a setting such as 'Cluster.n'.", field=name)
    section_name, trait = match.groups()
    section = config.get(section_name, {})
    if not isinstance(section, dict):
        raise WrongState(f"{section_name} in the profile's configuration is no section.", reason="profile-broken")
    if value is not None:
        config.setdefault(section_name, section)[trait] = value
    elif trait in section:
        del section[trait]
        if not section:
            del config[section_name]


def _replace(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(file.fileno(), path.stat().st_mode & 0o7777)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Without this the new name may be lost with the power; some file systems cannot, and need not."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _told(error: OSError, path: Path) -> CannotNow:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CannotNow(f"The disk is full: {path} was left as it is.", reason="disk-full")
    return CannotNow(f"{path} cannot be written: {error.strerror}.", reason="not-writable")
