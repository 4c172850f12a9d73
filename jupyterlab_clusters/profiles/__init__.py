"""IPython profiles: which there are, what they set, and setting it."""

from .profiles import Profiles

__all__ = ["Profiles"]
