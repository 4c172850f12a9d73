"""What can go wrong between us and a controller's hub. Promise: each message is a sentence."""

from __future__ import annotations


class HubError(Exception):
    """The hub could not be asked, or did not do what was asked."""


class BadConnection(HubError):
    """A connection file is not there, is only half written, or speaks what we do not."""


class HubSilent(HubError):
    """The hub, or an engine asked through it, did not answer in time."""


class HubRefused(HubError):
    """The hub, or an engine asked through it, answered with an error."""
