"""Connection files: whole ones are read, others refused with a sentence."""

from __future__ import annotations

import asyncio
import socket

import pytest

from jupyterlab_clusters.hub.connection import ConnectionInfo
from jupyterlab_clusters.hub.errors import BadConnection

from .conftest import connection_file


def test_read(tmp_path):
    path = tmp_path / "ipcontroller-client.json"
    path.touch(0o600)
    path.write_text(connection_file(interface="tcp://10.0.0.7", curve_serverkey="k" * 40))
    connection = ConnectionInfo.read(path)
    assert connection.url(connection.iopub) == "tcp://10.0.0.7:6"
    assert connection.key == b"a-secret-key" and connection.curve_serverkey == b"k" * 40
    assert "a-secret-key" not in repr(connection) and "kkkk" not in repr(connection)


def test_every_half_written_file_is_refused(tmp_path):
    path = tmp_path / "ipcontroller-client.json"
    whole = connection_file()
    path.touch(0o600)
    for length in range(len(whole)):
        path.write_text(whole[:length])
        with pytest.raises(BadConnection, match=r"ipcontroller-client\.json") as refusal:
            ConnectionInfo.read(path)
        assert "a-secret-key" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"pack": "pickle"}, "pickle"),
        ({"signature_scheme": "rot13"}, "rot13"),
        ({"interface": "nowhere"}, "nowhere"),
        ({"iopub": "six"}, "iopub"),
    ],
)
def test_what_is_not_understood_is_named(change, word):
    with pytest.raises(BadConnection, match=word):
        ConnectionInfo.parse(connection_file(**change))


def test_not_there_and_not_text(tmp_path):
    with pytest.raises(BadConnection, match="No such file"):
        ConnectionInfo.read(tmp_path / "none.json")
    (tmp_path / "binary.json").touch(0o600)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadConnection, match="no text"):
        ConnectionInfo.read(tmp_path / "binary.json")


@pytest.mark.parametrize("location", ["", socket.gethostname(), "127.0.0.1", "localhost"])
def test_a_controller_of_this_machine_that_listens_everywhere(location):
    connection = ConnectionInfo.parse(connection_file(interface="tcp://0.0.0.0", location=location))
    assert asyncio.run(connection.reachable_address()) == "127.0.0.1"


def test_a_controller_of_another_machine_that_listens_everywhere():
    connection = ConnectionInfo.parse(connection_file(interface="tcp://*", location="192.0.2.1"))
    assert asyncio.run(connection.reachable_address()) == "192.0.2.1"
