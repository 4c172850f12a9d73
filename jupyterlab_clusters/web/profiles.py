"""Routes of profiles. Promise: only names what to call; see ``resource.py`` for the rules."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec

from ..cluster.models import ProfileModel
from ..cluster.options import checked
from ..errors import BadInput
from ..timed import within
from .body import Settings, check_name
from .resource import Resource, operation

#: How long an answer waits for the profile to be read anew (seconds); later it is on its way (``loading``).
READ = 0.05


class ProfilesHandler(Resource):
    @operation("read", list[ProfileModel])
    async def get(self) -> list[ProfileModel]:
        """All profiles; ``loading`` until their configuration has been read."""
        profiles = self.parts.profiles
        names = await asyncio.to_thread(profiles.names)
        self.parts.later(profiles.refresh_all())
        return [profiles.model(name) for name in names]


class ProfileHandler(Resource):
    @operation("write", ProfileModel, takes=Settings, also=(201,))
    async def put(self, name: str, asked: Settings) -> ProfileModel:
        """Write settings to a profile; 201 when the profile was made by this. ``loading`` until it was read anew."""
        profiles = self.parts.profiles
        check_name(name, "name")
        if asked.settings is None and asked.launcher is None:
            raise BadInput("settings is missing.", field="settings")
        if asked.options is not None and asked.launcher is None:
            raise BadInput("Options need the launcher that they are for.", field="launcher")
        options = None
        if asked.launcher is not None:
            options = checked(asked.launcher, asked.options or {})
            await profiles.refresh(name)
        created = await asyncio.to_thread(profiles.write, name, asked.settings or {}, asked.launcher, options)
        if created:
            self.set_status(201)
        read = asyncio.Event()
        self.parts.later(self._read(name, read, follow=asked.launcher is not None))
        with contextlib.suppress(asyncio.TimeoutError):
            await within(READ, read.wait())
        model = profiles.model(name)
        return model if read.is_set() else msgspec.structs.replace(model, loading=True)

    async def _read(self, name: str, read: asyncio.Event, *, follow: bool) -> None:
        await self.parts.profiles.refresh(name, anew=True)
        read.set()
        if follow:
            await self.parts.clusters.follow_profile(name)
