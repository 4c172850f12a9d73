"""Routes of logs. Promise: only names what to call; a download is never held in memory."""

from __future__ import annotations

import asyncio

from tornado import web
from tornado.iostream import StreamClosedError

from ..errors import BadInput
from ..logs.models import LogModel, Matches, Page
from .body import number
from .resource import Operation, Resource, allowed, operation

#: Lines of a page, matches of a search, characters searched for.
MOST_LINES = 5_000
MOST_MATCHES = 1_000
MOST_TEXT = 1_000

LINES = 1_000

TEXT = "text/plain; charset=UTF-8"


class LogsHandler(Resource):
    @operation("read", list[LogModel])
    def get(self, key: str) -> list[LogModel]:
        """The logs of a cluster."""
        return self.cluster(key).logs()


class LogHandler(Resource):
    @operation("read", (Page, Matches), query=("at", "before", "after", "search", "from", "limit"))
    def get(self, key: str, log: str) -> Page | Matches:
        """Lines around a place, or with ``search`` where a text is found."""
        found = self.cluster(key).log(log)
        text = self.get_query_argument("search", None, strip=False)
        if text is None:
            return found.page(*self._place())
        if not 0 < len(text) <= MOST_TEXT:
            raise BadInput(f"search must have 1 to {MOST_TEXT} characters.", field="search")
        limit = self._number("limit", MOST_MATCHES)
        return found.search(text, self._number("from") or 0, 100 if limit is None else max(limit, 1))

    def _place(self) -> tuple[int | None, int, int]:
        at, before, after = self._number("at"), self._number("before"), self._number("after")
        if before is None and after is None:
            before, after = (LINES, 0) if at is None else (0, LINES)
        before, after = before or 0, after or 0
        if before + after > MOST_LINES:
            raise BadInput(f"before and after must be at most {MOST_LINES} in all.", field="before")
        return at, before, after

    def _number(self, name: str, most: int | None = None) -> int | None:
        text = self.get_query_argument(name, None)
        return number(text, name) if most is None else number(text, name, most)


class DownloadHandler(Resource):
    @web.authenticated
    @allowed("read")
    async def get(self, key: str, log: str) -> None:
        """The whole log, streamed."""
        found = await asyncio.to_thread(lambda: self.cluster(key).log(log))
        self.set_attachment_header(f"{key.rstrip(':').replace(':', '-')}-{log}.log")
        self.set_header("Content-Type", TEXT)
        chunks = found.chunks()
        try:
            while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                self.write(chunk)
                await self.flush()
        except StreamClosedError:
            return  # the reader went away
        await self.finish(set_content_type=TEXT)

    get.operation = Operation("read", bytes, None, 200, (), "The whole log, streamed.")  # type: ignore[attr-defined]
