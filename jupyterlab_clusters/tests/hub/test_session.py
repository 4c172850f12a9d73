"""Our messages and those of jupyter_client are the same."""

from __future__ import annotations

import jupyter_client.session
import pytest

from jupyterlab_clusters.hub.session import BadMessage, Session

KEY = b"5ca1ab1e"


def test_they_understand_ours():
    msg_id, frames = Session(KEY).message("usage_request", {"name": "Zoë"}, to=b"engine")
    theirs = jupyter_client.session.Session(key=KEY)
    idents, rest = theirs.feed_identities(frames)
    message = theirs.deserialize(rest)
    assert idents == [b"engine"]
    assert message["header"]["msg_id"] == msg_id and message["msg_type"] == "usage_request"
    assert message["content"] == {"name": "Zoë"} and message["parent_header"] == {}


def test_we_understand_theirs():
    theirs = jupyter_client.session.Session(key=KEY)
    parent = theirs.msg("apply_request")
    frames = theirs.serialize(
        theirs.msg("status", {"execution_state": "busy"}, parent=parent), ident=b"engine.7.status"
    )
    message = Session(KEY).parse(frames)
    assert message.topic == b"engine.7.status" and message.header.msg_type == "status"
    assert message.parent.msg_id == parent["msg_id"] and message.parent.msg_type == "apply_request"
    assert message.content() == {"execution_state": "busy"}


@pytest.mark.parametrize("key", [b"", b"wrong"])
def test_what_is_not_signed_with_our_key_is_refused(key):
    _, frames = Session(key).message("status", {})
    with pytest.raises(BadMessage):
        Session(KEY).parse(frames)


def test_no_part_can_be_changed():
    _, frames = Session(KEY).message("status", {"execution_state": "busy"})
    for at in range(2, len(frames)):
        changed = [*frames[:at], frames[at] + b" ", *frames[at + 1 :]]
        with pytest.raises(BadMessage):
            Session(KEY).parse(changed)


@pytest.mark.parametrize(
    "frames", [[], [b""], [b"<IDS|MSG>"], [b"a", b"<IDS|MSG>", b"", b"{}"], [b"<IDS|MSG>", b"", b"\xff", b"", b"", b""]]
)
def test_rubbish_is_refused(frames):
    with pytest.raises(BadMessage):
        Session(b"").parse(frames)
