"""One topic: the newest value of each thing and the number of each field's last change.

Promise: the cost of a change, and of telling it, is that of the fields which
changed; what a topic keeps is bounded by what exists, plus ``TOMBS`` removals.
Not safe for threads: the feed's lock is held by whoever calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

KeyName = Literal["key", "slot"]
Ident = str | int
Model = msgspec.Struct | Mapping[str, Any]

#: Removals remembered per topic, and points of a series kept.
TOMBS = 20_000
POINTS = 600

_encode = msgspec.json.Encoder().encode


def shallow(model: Model) -> dict[str, Any]:
    """The fields of ``model``, not converted any deeper."""
    if isinstance(model, msgspec.Struct):
        return {name: getattr(model, name) for name in model.__struct_fields__}
    return dict(model)


class Item:
    """The newest fields of one thing and, per field, the number of its last change; no fields = gone."""

    __slots__ = ("changed", "fields", "seq")

    def __init__(self) -> None:
        self.fields: dict[str, Any] | None = None
        self.changed: dict[str, int] = {}
        self.seq = 0


class Topic:
    """``seq`` numbers the changes; below ``floor`` only a snapshot can help a reader."""

    def __init__(self, epoch: str, name: str) -> None:
        self.epoch = epoch
        self.name = name
        self.seq = 0
        self.floor = 0
        self._told: dict[tuple[str, int], tuple[int, bytes]] = {}

    def snapshot(self) -> bytes:
        """The whole message with everything there is."""
        return self._message("snapshot", -1)

    def changes(self, since: int) -> bytes:
        """The whole message that brings a reader from ``since`` to now."""
        if since < self.floor or since > self.seq:
            return self.snapshot()
        return self._message("changes", since)

    def clear(self) -> None:
        """Forget everything; readers get an empty snapshot."""
        self.seq += 1
        self.floor = self.seq

    def _message(self, kind: str, since: int) -> bytes:
        # Several tabs mostly stand at the same number: what was encoded for one serves the others.
        kept = self._told.get((kind, since))
        if kept is not None and kept[0] == self.seq:
            return kept[1]
        body = self.everything() if kind == "snapshot" else self._since(since)
        text = _encode({"epoch": self.epoch, "topic": self.name, "seq": self.seq, kind: body})
        self._told = {(kind, since): (self.seq, text)}
        return text

    def everything(self) -> list[Any]:
        raise NotImplementedError

    def _since(self, since: int) -> list[Any]:
        raise NotImplementedError


class StateTopic(Topic):
    """Things known by a key or a slot; in the order in which they came."""

    def __init__(self, epoch: str, name: str) -> None:
        super().__init__(epoch, name)
        self._key_name: KeyName = "key"
        self._items: dict[Ident, Item] = {}
        # The same items, the one changed last at the end; holds removed ones too.
        self._recent: dict[Ident, Item] = {}
        self._tombs = 0

    def put(self, key_name: KeyName, ident: Ident, model: Model) -> bool:
        """Take the newest value; whether anything is different now."""
        self._key_name = key_name
        new = shallow(model)
        new.setdefault(key_name, ident)
        item = self._items.get(ident) or Item()
        old = item.fields or {}
        different = [name for name, value in new.items() if name not in old or old[name] != value]
        if not different and item.fields is not None:
            return False
        self._touch(ident, item)
        item.changed.update(dict.fromkeys(different, self.seq))
        item.fields = new
        self._items[ident] = item
        return True

    def remove(self, ident: Ident) -> bool:
        """Note that it is gone; whether it was there."""
        item = self._items.pop(ident, None)
        if item is None:
            return False
        self._touch(ident, Item())
        self._tombs += 1
        self._bury()
        return True

    def clear(self) -> None:
        super().clear()
        self._items, self._recent, self._tombs = {}, {}, 0

    def _touch(self, ident: Ident, item: Item) -> None:
        self.seq += 1
        item.seq = self.seq
        before = self._recent.pop(ident, None)
        if before is not None and before.fields is None and before is not item:
            self._tombs -= 1
        self._recent[ident] = item

    def _bury(self) -> None:
        if self._tombs <= TOMBS:
            return
        dead = [(ident, item) for ident, item in self._recent.items() if item.fields is None]
        for ident, item in dead[: TOMBS // 2]:
            del self._recent[ident]
            self.floor = max(self.floor, item.seq)
        self._tombs -= TOMBS // 2

    def everything(self) -> list[Any]:
        return [item.fields for item in self._items.values()]

    def _since(self, since: int) -> list[Any]:
        found = []
        for ident, item in reversed(self._recent.items()):
            if item.seq <= since:
                break
            found.append(self._change(ident, item, since))
        found.reverse()
        return found

    def _change(self, ident: Ident, item: Item, since: int) -> dict[str, Any]:
        if item.fields is None:
            return {self._key_name: ident, "gone": True}
        change: dict[str, Any] = {self._key_name: ident}
        change.update((name, item.fields[name]) for name, seq in item.changed.items() if seq > since)
        return change


class SeriesTopic(Topic):
    """Points in time, of which the last ``POINTS`` are kept; a change is a point more."""

    def __init__(self, epoch: str, name: str) -> None:
        super().__init__(epoch, name)
        self._points: deque[tuple[int, Model]] = deque(maxlen=POINTS)

    def point(self, model: Model) -> None:
        """Append one point."""
        self.seq += 1
        if len(self._points) == POINTS:
            self.floor = self._points[0][0]
        self._points.append((self.seq, model))

    def clear(self) -> None:
        super().clear()
        self._points.clear()

    def everything(self) -> list[Any]:
        return [model for _, model in self._points]

    def _since(self, since: int) -> list[Any]:
        return [model for seq, model in self._points if seq > since]
