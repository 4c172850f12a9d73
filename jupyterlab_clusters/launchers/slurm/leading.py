"""The controller in a job of its own: it waits for its node, begins there, and ends with its job.

Promise: whoever waits for it learns that it has begun, or why it never will;
its end is told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..base import Exit, LaunchFailed, Process, Watcher
from ..hostside import CONTROLLER

if TYPE_CHECKING:
    from .job import Node

#: How long its exit waits for word that the whole job ends (seconds).
WAIT_FOR_WORD = 0.4


class Lead:
    """``begin`` begins the controller on a node; ``ended`` is called when it has ended by itself."""

    def __init__(self, watcher: Watcher, begin: Callable[[Node], Awaitable[None]], ended: Callable[[], None]) -> None:
        self._watcher, self._begin, self._ended = watcher, begin, ended
        self._begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._told = False

    @property
    def waits(self) -> bool:
        """Whether the controller has not begun yet."""
        return not self._begun.done()

    async def begun(self) -> None:
        """Wait for it, for as long as its job waits. Raises :class:`LaunchFailed` when its job ends before."""
        await asyncio.shield(self._begun)

    async def ready(self, node: Node) -> None:
        """Its node can be spoken with."""
        if not self.waits or CONTROLLER in node.side.running():
            return
        try:
            await self._begin(node)
        except LaunchFailed as error:
            self._fail(error)

    def launched(self, process: Process) -> None:
        self._watcher.controller_launched(process)
        if self.waits:
            self._begun.set_result(None)

    def exited(self, exit: Exit, why: Callable[[], Exit | None]) -> None:
        """``why`` = what is known better a moment later."""
        if exit.asked:
            self._tell(exit)
        else:
            asyncio.get_running_loop().call_later(WAIT_FOR_WORD, lambda: self._tell(why() or exit))

    def over(self, failure: LaunchFailed, because: str) -> None:
        """Its job is."""
        if self.waits:
            self._fail(failure)
        else:
            self._tell(Exit(because=because))

    def _tell(self, exit: Exit) -> None:
        if not self._told:
            self._told = True
            self._watcher.controller_exited(exit)
            if not exit.asked:
                self._ended()

    def _fail(self, failure: LaunchFailed) -> None:
        if self.waits:
            self._begun.set_exception(failure)
            self._begun.exception()  # there may be nobody who waits
