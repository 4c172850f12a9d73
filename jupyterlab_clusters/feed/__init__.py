"""Numbered changes: what is newest is kept, readers come at their own pace.

Promise: snapshot and subscription are one step, and what a reader is sent is in
proportion to what changed. Must never wait for a reader, nor know what its
models mean.
"""

from .feed import Feed
from .pump import Pump, Source
from .reader import Reader
from .topic import POINTS

__all__ = ["POINTS", "Feed", "Pump", "Reader", "Source"]
