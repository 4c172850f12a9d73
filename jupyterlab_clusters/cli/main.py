"""``jupyter clusters list | start | stop | logs``: which words are understood, and how it ends.

Promise: a failure is one sentence and a hint on stderr, and an exit code; never a traceback for what a person can mend.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from . import commands, running
from .problem import Exit, Problem
from .site import Site

VERBS = {"list": commands.list_, "start": commands.start, "stop": commands.stop, "logs": commands.logs}


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code."""
    asked = parser().parse_args(argv)
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    try:
        with contextlib.closing(_site(asked)) as site:
            return VERBS[asked.command](site, asked)
    except Problem as problem:
        print(f"jupyter clusters: {problem.message}", file=sys.stderr)
        if problem.hint:
            print(problem.hint, file=sys.stderr)
        return problem.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Who read has seen enough; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE


def _site(asked: argparse.Namespace) -> Site:
    server = None if asked.no_server else running.chosen(asked.server)
    if server is not None:
        return server
    # What does the work of a server takes a second to import.
    from .own import Own

    return Own()


def parser() -> argparse.ArgumentParser:
    general = argparse.ArgumentParser(add_help=False)
    which = general.add_mutually_exclusive_group()
    which.add_argument("--server", metavar="URL", help="the Jupyter server to ask, where several run")
    which.add_argument("--no-server", action="store_true", help="do it here, though a Jupyter server may run")
    general.add_argument("--json", action="store_true", help="print JSON")

    whole = argparse.ArgumentParser(
        prog="jupyter clusters", description="Start, watch and stop IPython Parallel clusters, as JupyterLab does."
    )
    verbs = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    verbs.add_parser("list", parents=[general], help="show all clusters")

    start = verbs.add_parser("start", parents=[general], help="start a cluster")
    start.add_argument("name", metavar="NAME", help="a profile, or PROFILE:ID")
    start.add_argument("-n", "--engines", type=_count, metavar="N", help="how many; else as last time")
    start.add_argument("--launcher", help="of a new cluster: local, ssh, mpi or slurm")
    start.add_argument("--options", type=_options, default={}, metavar="JSON", help="of a new cluster: its options")
    start.add_argument("--wait", action="store_true", help="until all engines are there; without a server always")
    start.add_argument("--timeout", type=float, metavar="SECONDS", help="wait no longer than that")

    stop = verbs.add_parser("stop", parents=[general], help="stop clusters, and wait until nothing of them is left")
    stop.add_argument("names", nargs="*", metavar="NAME", help="a profile, or PROFILE:ID")
    stop.add_argument("--all", action="store_true", help="every cluster that runs")
    stop.add_argument("--timeout", type=float, metavar="SECONDS", help="wait no longer than that")

    logs = verbs.add_parser("logs", parents=[general], help="print a log")
    logs.add_argument("name", metavar="NAME", help="a profile, or PROFILE:ID")
    logs.add_argument("log", nargs="?", default="all", metavar="LOG", help="controller, slot-0 …; else all engines")
    logs.add_argument("-f", "--follow", action="store_true", help="go on while the cluster runs")
    logs.add_argument("-n", "--lines", type=_count, default=100, metavar="N", help="how many of the last (100)")
    logs.add_argument("--list", action="store_true", help="show which logs there are")
    return whole


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return int(text)


def _options(text: str) -> dict[str, Any]:
    try:
        options = json.loads(text)
    except ValueError:
        options = None
    if not isinstance(options, dict):
        raise argparse.ArgumentTypeError("it must be a JSON object")
    return options
