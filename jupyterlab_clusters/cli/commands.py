"""The verbs: ask the site, wait, say how it went.

Promise: results go to stdout, progress to stderr; with ``--json`` stdout is JSON and nothing else. What was asked of a
site that does not stay is waited for.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from ..cluster.models import ClusterModel
from . import follow, words
from .problem import Exit, Problem
from .site import Site

#: How often the site is asked while somebody waits (seconds).
LOOK = 0.2


def list_(site: Site, asked: Namespace) -> Exit:
    clusters = site.clusters()
    _say(clusters) if asked.json else print(words.table(clusters))
    return Exit.DONE


def start(site: Site, asked: Namespace) -> Exit:
    key = key_of(asked.name)
    _defined(site, key, asked)
    model = site.start(key, asked.engines, None)
    if asked.wait or not site.stays:
        model = _wait(site, key, asked.timeout, _told_once(), lambda one: one.state not in ("starting", "stopping"))
    return _result([model], asked, wrong=("failed", "stopped"))


def stop(site: Site, asked: Namespace) -> Exit:
    if not asked.names and not asked.all:
        raise Problem("Which cluster is to stop?", Exit.USAGE, hint="Name it, or say --all.")
    keys = [key_of(name) for name in asked.names]
    if asked.all:
        keys = [one.key for one in site.clusters() if one.state != "stopped" and one.key not in keys] + keys
    for key in keys:
        site.stop(key)
    tell = _told_once()
    until = time.monotonic() + asked.timeout if asked.timeout is not None else None
    models = []
    for key in keys:
        left = None if until is None else max(0.0, until - time.monotonic())
        models.append(_wait(site, key, left, tell, lambda one: one.state != "stopping"))
    return _result(models, asked, wrong=("failed", "running", "starting"))


def logs(site: Site, asked: Namespace) -> Exit:
    key = key_of(asked.name)
    if asked.list:
        found = site.logs(key)
        _say(found) if asked.json else print(*(f"{one.name}  {one.size:,} bytes" for one in found), sep="\n")
        return Exit.DONE
    show = _line(asked.json)
    if not asked.follow:
        for one in site.page(key, asked.log, None, asked.lines, 0).lines:
            show(one)
        return Exit.DONE
    read = partial(site.page, key, asked.log)
    for one in follow.lines(read, asked.lines, lambda: site.cluster(key).state in ("stopped", "failed")):
        show(one)
    return Exit.DONE


def key_of(name: str) -> str:
    """A profile's name means its own cluster."""
    return name if ":" in name else f"{name}:"


def _defined(site: Site, key: str, asked: Namespace) -> None:
    """Define what does not exist yet, and what is asked for with a launcher or options of its own."""
    profile, _, cluster_id = key.partition(":")
    if asked.launcher is None and not asked.options:
        try:
            site.cluster(key)
            return
        except Problem as problem:
            if problem.code is not Exit.NOT_FOUND:
                raise
    site.define(profile, cluster_id, asked.launcher, asked.options)


def _wait(
    site: Site,
    key: str,
    timeout: float | None,
    tell: Callable[[ClusterModel], None],
    over: Callable[[ClusterModel], bool],
) -> ClusterModel:
    until = None if timeout is None else time.monotonic() + timeout
    while True:
        model = site.cluster(key)
        tell(model)
        if over(model):
            return model
        if until is not None and time.monotonic() > until:
            raise Problem(f"{words.progress(model)}, and that takes longer than {timeout:g} s.", Exit.TOO_LATE)
        time.sleep(LOOK)


def _told_once() -> Callable[[ClusterModel], None]:
    """Says how it goes whenever that has changed."""
    before = ""

    def tell(model: ClusterModel) -> None:
        nonlocal before
        if (now := words.progress(model)) != before and model.state in ("starting", "stopping"):
            print(now, file=sys.stderr, flush=True)
            before = now

    return tell


def _result(models: list[ClusterModel], asked: Namespace, wrong: tuple[str, ...]) -> Exit:
    if asked.json:
        _say(models if asked.command == "stop" else models[0])
    failed = [one for one in models if one.state in wrong]
    for one in models:
        if one not in failed and not asked.json:
            print(words.outcome(one))
        if one.failure is not None:
            _complain(one)
    return Exit.FAILED if failed else Exit.DONE


def _complain(one: ClusterModel) -> None:
    assert one.failure is not None
    print(f"{one.key}: {words.plain(one.failure.cause)}", file=sys.stderr)
    if one.failure.hint:
        print(words.plain(one.failure.hint), file=sys.stderr)


def _line(as_json: bool) -> Callable[[Any], None]:
    return lambda one: print(json.dumps(msgspec.to_builtins(one)) if as_json else words.line(one), flush=True)


def _say(told: Any) -> None:
    print(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
