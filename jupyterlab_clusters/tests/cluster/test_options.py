"""What a person chose, as it is checked and kept."""

from __future__ import annotations

import pytest

from jupyterlab_clusters.cluster.options import checked
from jupyterlab_clusters.errors import BadInput


def test_hosts_as_ipyparallel_has_them():
    given = {"hosts": {"node1": 2, "me@node2:2222": {"n": 4, "engine_args": ["--x"], "python": "/p"}}}
    assert checked("ssh", given)["hosts"] == [
        {"host": "node1", "engines": 2},
        {"host": "me@node2:2222", "engines": 4, "python": "/p", "engine_args": ["--x"]},
    ]


@pytest.mark.parametrize("hosts", [{"-oProxyCommand=x": 1}, {"a": "2"}, {"a": {"n": 1, "env": {}}}, {"a": True}])
def test_hosts_that_cannot_be_meant(hosts):
    with pytest.raises(BadInput) as error:
        checked("ssh", {"hosts": hosts})
    assert error.value.field == "options.hosts"


def test_what_the_profile_says_need_not_be_said_again():
    with pytest.raises(BadInput, match="'hosts' is a required"):
        checked("ssh", {"python": "/p"})
    assert checked("ssh", {"python": "/p"}, {"hosts": [{"host": "a"}]}) == {"python": "/p"}
