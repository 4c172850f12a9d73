"""What a person chose for a launcher, checked against its JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema

from ..errors import BadInput
from ..launchers import catalog
from ..launchers.base import LauncherName


def check_options(launcher: LauncherName, options: Mapping[str, Any] | None) -> None:
    """Options against the launcher's JSON schema. Raises :class:`BadInput` naming the field."""
    if not options:
        return
    schema = catalog.options_of(launcher)
    validator = jsonschema.Draft202012Validator(schema)
    for error in sorted(validator.iter_errors(dict(options)), key=lambda error: list(map(str, error.path))):
        where = ".".join(["options", *map(str, error.path)])
        raise BadInput(f"This option does not fit: {error.message[:300]}.", field=where)
