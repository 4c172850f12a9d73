"""Tests of hosts that were asked for: begin, look at, and accept a key that one of them showed.

Promise: answers at once with what is known so far; tests run beside, in bounded
number, and are kept for a bounded time. A key is accepted only for a fingerprint
that was shown to a person by a test that is still kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shlex
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import BadInput, CannotNow, NotAllowed, NotFound, WrongState
from ..launchers import catalog
from ..launchers.ssh.asking import Terms
from ..launchers.ssh.doorbell import Door, door
from ..launchers.ssh.hostkey import NotKept, accept
from ..launchers.ssh.hosts import DESTINATION, Host, hosts_of
from ..launchers.ssh.hosttest import tested, untested
from ..launchers.ssh.models import HostTest, HostTests
from .options import checked
from .policy import Policy

#: Tests that are kept, and for how long (seconds); tests that may run at the same time; hosts of all at once.
KEPT, AGE, RUNNING, AT_ONCE = 8, 600.0, 4, 64

#: How long a host may take to show its key again (seconds).
AGAIN = 4.0

FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


class HostTesting:
    """All tests of one server; lives on its loop."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._tests: dict[str, Test] = {}
        self._limit = asyncio.Semaphore(AT_ONCE)

    async def begin(self, options: Mapping[str, Any]) -> HostTests:
        """Raises :class:`BadInput`, :class:`NotAllowed`, :class:`CannotNow`."""
        await asyncio.to_thread(self._check, options)
        self._forget()
        if sum(test.running for test in self._tests.values()) >= RUNNING:
            raise CannotNow("Other tests of hosts are still running; try again in a moment.", reason="busy")
        test = Test(options, self._limit)
        self._tests[test.id] = test
        test.begin()
        return test.model()

    def get(self, id: str) -> HostTests:
        """Raises :class:`NotFound`."""
        test = self._tests.get(id)
        if test is None or test.old:
            raise NotFound("There is no such test of hosts any more; begin a new one.", field="id")
        return test.model()

    async def accept(self, host: str, fingerprint: str) -> HostTests:
        """Keep that key, then test the host again. Raises :class:`BadInput`, :class:`WrongState`."""
        if not DESTINATION.fullmatch(host):
            raise BadInput("host is no name of a host.", field="host")
        if not FINGERPRINT.fullmatch(fingerprint):
            raise BadInput("fingerprint must be SHA256: and 43 letters, as ssh shows it.", field="fingerprint")
        self._allowed()
        test = self._shown(host)
        if test is None:
            raise WrongState(f"No test has shown a new key of {host}: test it first.", reason="not-shown", field="host")
        await test.accept(host, fingerprint)
        return test.model()

    def accepting(self, host: str) -> HostTests:
        """The test of which a key is being accepted."""
        found = next((test for test in self._newest() if test.accepting == host or test.has(host)), None)
        if found is None:
            raise NotFound(f"There is no test of {host} any more; begin a new one.", field="host")
        return found.model()

    async def close(self) -> None:
        await asyncio.gather(*(test.close() for test in self._tests.values()))

    def _shown(self, host: str) -> Test | None:
        return next((test for test in self._newest() if not test.old and test.offers(host)), None)

    def _newest(self) -> list[Test]:
        # A copy: looks come from threads.
        return list(self._tests.values())[::-1]

    def _forget(self) -> None:
        done = [test for test in self._tests.values() if not test.running]
        surplus = len(self._tests) - KEPT + 1
        for number, test in enumerate(done):
            if test.old or number < surplus:
                del self._tests[test.id]

    def _allowed(self) -> None:
        allowed = self._policy.allowed_launchers
        if allowed is not None and "ssh" not in allowed:
            raise NotAllowed("The SSH launcher is not allowed on this server.", field="launcher")

    def _check(self, options: Mapping[str, Any]) -> None:
        self._allowed()
        if not options.get("hosts"):
            raise BadInput("Name at least one host.", field="options.hosts")
        checked("ssh", options)
        for field, text in (
            ("options.python", options.get("python")),
            *((f"options.hosts.{n}.python", host.get("python")) for n, host in enumerate(options["hosts"])),
        ):
            try:
                shlex.split(text or "")
            except ValueError as error:
                raise BadInput(f"This Python cannot be meant: {error}.", field=field) from None
        if reason := catalog.missing("ssh"):
            raise CannotNow(reason, reason="no-ssh")


class Test:
    """One test: what was asked and what is known of each host."""

    __test__ = False  # none of pytest's

    def __init__(self, options: Mapping[str, Any], limit: asyncio.Semaphore) -> None:
        self.id = secrets.token_urlsafe(12)
        #: The host of which a key is being accepted.
        self.accepting: str | None = None
        self._options = options
        self._limit = limit
        self._begun = time.monotonic()
        self._hosts: dict[str, Host] = {host.name: host for host in hosts_of(options)}
        self._results = {name: HostTest(host=name) for name in self._hosts}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> bool:
        return bool(self._tasks) or self.accepting is not None

    @property
    def old(self) -> bool:
        return time.monotonic() - self._begun > AGE

    def model(self) -> HostTests:
        return HostTests(id=self.id, hosts=list(self._results.values()))

    def has(self, host: str) -> bool:
        return host in self._hosts

    def offers(self, host: str) -> bool:
        """Whether a key of that host was shown and waits to be accepted."""
        found = self._results.get(host)
        return found is not None and found.fingerprint is not None

    def begin(self) -> None:
        self._do(self._test(list(self._hosts.values())))

    async def accept(self, host: str, fingerprint: str) -> None:
        """Raises :class:`WrongState` when it is not that key, or may not be kept."""
        before = self._results[host]
        if before.fingerprint != fingerprint:
            raise WrongState(
                f"This is not the fingerprint that {host} showed.", reason="other-key", field="fingerprint"
            )
        self.accepting = host
        self._results[host] = HostTest(host=host)
        try:
            await accept(self._hosts[host], fingerprint, dict(os.environ), timeout=AGAIN)
        except NotKept as error:
            self._results[host] = _refused(before, str(error))
            raise WrongState(str(error), reason=error.reason, field="fingerprint") from error
        except BaseException:
            self._results[host] = before
            raise
        finally:
            self.accepting = None
        self._do(self._test([self._hosts[host]]))

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _do(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _test(self, hosts: list[Host]) -> None:
        async with contextlib.AsyncExitStack() as stack:
            try:
                direct = self._options.get("reach", "ssh") == "direct"
                bell = await stack.enter_async_context(door(_location(self._options))) if direct else None
            except OSError as error:
                why = error.strerror or str(error)
                cause = f"This machine cannot be reached by anybody: no port could be opened ({why})."
                self._results.update({host.name: untested(host, cause) for host in hosts})
                return
            await asyncio.gather(*(self._test_one(host, bell) for host in hosts))

    async def _test_one(self, host: Host, bell: Door | None) -> None:
        terms = Terms(
            environment=dict(os.environ),
            python=str(self._options.get("python") or "python3"),
            login_script=str(self._options.get("login_script") or "") or None,
            door=bell,
        )
        async with self._limit:
            try:
                self._results[host.name] = await tested(host, terms)
            except Exception as error:  # noqa: BLE001 - one host must not leave the others without a result
                self._results[host.name] = untested(host, f"{host.name} could not be tested: {error}.")


def _location(options: Mapping[str, Any]) -> str | None:
    """The name of this machine that the controller is told to give; None = its own."""
    names = [
        word.partition("=")[2]
        for word in options.get("controller_args", ())
        if word.startswith(("--location=", "--IPController.location="))
    ]
    return names[-1] if names else None


def _refused(before: HostTest, cause: str) -> HostTest:
    """The key was not kept: it is offered no more, until the host is tested again."""
    checks = [
        msgspec.structs.replace(check, cause=cause, hint="Test the hosts again.") if check.name == "host-key" else check
        for check in before.checks
    ]
    return msgspec.structs.replace(before, checks=checks, fingerprint=None, key_type=None)
