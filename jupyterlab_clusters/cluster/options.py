"""What a person chose for a launcher, checked against its JSON schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema

from ..errors import BadInput
from ..launchers import catalog
from ..launchers.asked import hosts
from ..launchers.base import LauncherName


def _pattern(validator: Any, pattern: str, text: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    """As JSON schema means it: Python's ``$`` would let the end of a line pass."""
    exact = f"{pattern[:-1]}\\Z" if pattern.endswith("$") and not pattern.endswith("\\$") else pattern
    if isinstance(text, str) and not re.search(exact, text):
        yield jsonschema.ValidationError(f"{text!r} does not match {pattern!r}")


Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {"pattern": _pattern}
)


def checked(
    launcher: LauncherName, options: Mapping[str, Any], of_profile: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Options that, with those of the profile, fit the launcher's JSON schema. Hosts may also be given as ipyparallel
    has them (``{"node1": 2, "node2": {"n": 4}}``). Raises :class:`BadInput` naming the field."""
    chosen = dict(options)
    if launcher == "ssh" and isinstance(given := chosen.get("hosts"), Mapping):
        if why := hosts.beyond(given):
            raise BadInput(f"This option does not fit: {why}.", field="options.hosts")
        chosen["hosts"] = hosts.read(given)
    if not chosen:
        return chosen
    schema = catalog.options_of(launcher)
    validator = Validator(schema)
    whole = {**(of_profile or {}), **chosen}
    for error in sorted(validator.iter_errors(whole), key=lambda error: list(map(str, error.path))):
        where = ".".join(["options", *map(str, error.path)])
        raise BadInput(f"This option does not fit: {error.message[:300]}.", field=where)
    return chosen
