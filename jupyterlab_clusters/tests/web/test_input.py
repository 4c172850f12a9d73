"""Whatever a client sends becomes an answer in words, and a slow back end holds up nothing."""

from __future__ import annotations

from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from jupyterlab_clusters.web.resource import PARTS, Parts

from ..fair import clock
from .conftest import FakeClusters

START = "clusters/default:/start"
SCALE = "clusters/default:/scale"
LOG = "clusters/default:/logs/controller"
TESTS = "launchers/ssh/tests"
KNOWN = "launchers/ssh/known-hosts"
PRINT = "SHA256:" + "A" * 43

BAD: list[tuple[str, str, Any, int, str, str | None]] = [
    ("POST", START, {"engines": "4"}, 400, "bad-input", "engines"),
    ("POST", START, {"engines": True}, 400, "bad-input", "engines"),
    ("POST", START, {"engines": 2.5}, 400, "bad-input", "engines"),
    ("POST", START, {"engines": -1}, 400, "bad-input", "engines"),
    ("POST", START, {"engines": 10**9}, 400, "too-many", "engines"),
    ("POST", START, '{"engines": 1' + "0" * 400 + "}", 400, "too-many", "engines"),
    ("POST", START, {"engines": 10_001}, 400, "too-many", "engines"),
    ("POST", START, {"engines": [4]}, 400, "bad-input", "engines"),
    ("POST", START, {"options": []}, 400, "bad-input", "options"),
    ("POST", START, {"Engines": 4}, 400, "unknown-field", "Engines"),
    ("POST", START, [], 400, "bad-input", None),
    ("POST", START, "null", 400, "bad-input", None),
    ("POST", START, '{"engines": 4', 400, "not-json", None),
    ("POST", START, "engines=4", 400, "not-json", None),
    ("POST", START, b"\xff\xfe{}", 400, "not-json", None),
    ("POST", START, '{"engines": NaN}', 400, "not-json", None),
    ("POST", START, '{"options": ' + "[" * 100_000, 400, "bad-input", "options"),
    ("POST", SCALE, {}, 400, "bad-input", "engines"),
    ("POST", SCALE, {"engines": None}, 400, "bad-input", "engines"),
    ("POST", SCALE, {"engines": 4, "restart": 1}, 400, "bad-input", "restart"),
    ("POST", SCALE, {"engines": 10_001}, 400, "too-many", "engines"),
    ("POST", "clusters/default:/stop", {"now": True}, 400, "unknown-field", "now"),
    ("POST", "clusters/default:/preview", {"engines": 10**9}, 400, "too-many", "engines"),
    ("POST", "clusters", {}, 400, "bad-input", "profile"),
    ("POST", "clusters", {"profile": "../x"}, 400, "bad-input", "profile"),
    ("POST", "clusters", {"profile": ""}, 400, "bad-input", "profile"),
    ("POST", "clusters", {"profile": ".x"}, 400, "bad-input", "profile"),
    ("POST", "clusters", {"profile": "x\n"}, 400, "bad-input", "profile"),
    ("POST", "clusters", {"profile": "x" * 65}, 400, "bad-input", "profile"),
    ("POST", "clusters", {"profile": "x", "cluster_id": "a/b"}, 400, "bad-input", "cluster_id"),
    ("POST", "clusters", {"profile": "x", "cluster_id": "é"}, 400, "bad-input", "cluster_id"),
    ("POST", "clusters", {"profile": "x", "launcher": "bash"}, 400, "bad-input", "launcher"),
    ("POST", "clusters", {"profile": "x", "a": 1, "b": 2}, 400, "unknown-field", "a"),
    ("POST", "clusters", {"profile": "default"}, 409, "defined", None),
    ("PUT", "profiles/..x", {"settings": {}}, 400, "bad-input", "name"),
    ("PUT", "profiles/a%2Fb", {"settings": {}}, 400, "bad-input", "name"),
    ("PUT", "profiles/x", {"settings": [1]}, 400, "bad-input", "settings"),
    ("PUT", "profiles/x", {}, 400, "bad-input", "settings"),
    ("GET", "clusters/nobody:", None, 404, "not-found", "key"),
    ("GET", "clusters/..%2F..%2Fetc:", None, 404, "not-found", "key"),
    ("DELETE", "clusters/nobody:", None, 404, "not-found", "key"),
    ("POST", "clusters/nobody:/start", {}, 404, "not-found", "key"),
    ("POST", "clusters/default:/engines/x/stop", {}, 404, "not-found", "slot"),
    ("POST", "clusters/default:/engines/-1/stop", {}, 404, "not-found", "slot"),
    ("GET", "clusters/default:/logs/..%2Fsecret", None, 404, "not-found", "log"),
    ("GET", "clusters/default:/logs/none/download", None, 404, "not-found", "log"),
    ("GET", LOG + "?at=-1", None, 400, "bad-input", "at"),
    ("GET", LOG + "?at=x", None, 400, "bad-input", "at"),
    ("GET", LOG + "?at=99999999999999999999", None, 400, "bad-input", "at"),
    ("GET", LOG + "?before=5001", None, 400, "bad-input", "before"),
    ("GET", LOG + "?before=2501&after=2500", None, 400, "bad-input", "before"),
    ("GET", LOG + "?search=", None, 400, "bad-input", "search"),
    ("GET", LOG + "?search=x&limit=1001", None, 400, "bad-input", "limit"),
    ("GET", LOG + "?search=x&from=1.5", None, 400, "bad-input", "from"),
    ("POST", TESTS, {}, 400, "bad-input", "options"),
    ("POST", TESTS, {"options": {}}, 400, "bad-input", "options.hosts"),
    ("POST", TESTS, {"options": {"hosts": []}}, 400, "bad-input", "options.hosts"),
    ("POST", TESTS, {"options": {"hosts": "a"}}, 400, "bad-input", "options.hosts"),
    ("POST", TESTS, {"options": {"hosts": ["a"]}}, 400, "bad-input", "options.hosts.0"),
    ("POST", TESTS, {"options": {"hosts": [{"host": "-oProxyCommand=x"}]}}, 400, "bad-input", "options.hosts.0.host"),
    ("POST", TESTS, {"options": {"hosts": [{"host": "a;b"}]}}, 400, "bad-input", "options.hosts.0.host"),
    ("POST", TESTS, {"options": {"hosts": [{"host": "a"}], "colour": 1}}, 400, "bad-input", "options"),
    ("POST", TESTS, {"options": {"hosts": [{"host": "a"}], "python": "a 'b"}}, 400, "bad-input", "options.python"),
    ("POST", TESTS, {"options": {"hosts": [{"host": "a"}]}, "now": 1}, 400, "unknown-field", "now"),
    ("GET", TESTS + "/none", None, 404, "not-found", "id"),
    ("POST", KNOWN, {"host": "a"}, 400, "bad-input", "fingerprint"),
    ("POST", KNOWN, {"host": "-a", "fingerprint": PRINT}, 400, "bad-input", "host"),
    ("POST", KNOWN, {"host": "a", "fingerprint": "SHA256:x"}, 400, "bad-input", "fingerprint"),
    ("POST", KNOWN, {"host": "a", "fingerprint": PRINT + "\n"}, 400, "bad-input", "fingerprint"),
    ("POST", KNOWN, {"host": "a", "fingerprint": PRINT, "key": "x"}, 400, "unknown-field", "key"),
    ("POST", KNOWN, {"host": "a", "fingerprint": PRINT}, 409, "not-shown", "host"),
    ("POST", START, {"engines": 13}, 409, "use-scale", "engines"),
    ("POST", START, {"engines": 14}, 500, "unexpected", None),
    ("POST", START, {"engines": 15}, 503, "disk-full", None),
]


@pytest.fixture
def log_file(tmp_path: Any) -> None:
    (tmp_path / "controller.log").write_text("one\ntwo\nthree\n")


@pytest.fixture
def send(
    jp_serverapp: Any, http_server_client: Any, jp_base_url: str, jp_auth_header: dict[str, str], call: Any
) -> Any:
    """As ``call``, with the path as it stands (nothing is escaped again)."""

    async def raw(*parts: str, method: str, body: Any, allow_nonstandard_methods: bool) -> Any:
        url = f"{jp_base_url}jupyterlab-clusters/{path_of[0]}"
        return await http_server_client.fetch(
            url, method=method, body=body, headers=jp_auth_header, allow_nonstandard_methods=True
        )

    path_of = [""]

    async def inner(method: str, path: str, body: Any = None) -> Any:
        import json
        from types import SimpleNamespace

        from .conftest import fetched

        path_of[0] = path
        text = body if isinstance(body, (bytes, str)) or body is None else json.dumps(body)
        response = await fetched(raw, method, path, "" if text is None and method in ("POST", "PUT") else text)
        return SimpleNamespace(
            status=response.code, headers=response.headers, body=json.loads(response.body) if response.body else None
        )

    return inner


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason", "field"),
    BAD,
    ids=[f"{method} {path} {str(body)[:40]}" for method, path, body, *_ in BAD],
)
async def test_bad_input(
    send: Any,
    fake: FakeClusters,
    log_file: None,
    method: str,
    path: str,
    body: Any,
    status: int,
    reason: str,
    field: str | None,
) -> None:
    answer = await send(method, path, body)
    assert (answer.status, answer.body["reason"], answer.body.get("field")) == (status, reason, field)
    assert answer.body["message"].endswith(".")
    assert "secret-of-the-bug" not in str(answer.body)
    assert not fake.get("default:").calls


async def test_unknown_fields_are_all_named(send: Any, fake: FakeClusters) -> None:
    answer = await send("POST", START, {"engines": 1, "colour": 1, "size": 2})
    assert "'colour'" in answer.body["message"]
    assert "'size'" in answer.body["message"]


@pytest.mark.parametrize("size", [(1 << 20) + 1, 20_000_000])
async def test_large_bodies(send: Any, fake: FakeClusters, size: int) -> None:
    answer = await send("POST", START, b" " * size)
    assert (answer.status, answer.body["reason"]) == (413, "too-large")
    assert (await send("POST", START, b"{}" + b" " * ((1 << 20) - 2))).status == 202


async def test_large_bodies_in_chunks(
    fake: FakeClusters, jp_serverapp: Any, jp_base_url: str, jp_auth_header: dict[str, str], http_server_client: Any
) -> None:
    async def body(write: Any) -> None:
        for _ in range(40):
            await write(b" " * 100_000)

    request = HTTPRequest(
        f"http://127.0.0.1:{jp_serverapp.port}{jp_base_url}jupyterlab-clusters/{START}",
        method="POST",
        headers=jp_auth_header,
        body_producer=body,
    )
    with pytest.raises(HTTPClientError) as refused:
        await AsyncHTTPClient().fetch(request)
    assert refused.value.code == 413


async def test_a_body_may_be_left_out(send: Any, fake: FakeClusters) -> None:
    assert (await send("POST", START)).status == 202
    assert fake.get("default:").calls == [("start", None, None)]


async def test_read_only(jp_serverapp: Any, parts: Parts, send: Any, fake: FakeClusters) -> None:
    from dataclasses import replace

    jp_serverapp.web_app.settings[PARTS] = replace(parts, policy=replace(parts.policy, read_only=True))
    answer = await send("POST", START, {})
    assert (answer.status, answer.body["reason"]) == (403, "read-only")
    assert (await send("GET", "clusters")).status == 200
    assert (await send("POST", "clusters/default:/preview", {"engines": 2})).status == 200


async def test_calls_arrive(send: Any, fake: FakeClusters) -> None:
    key = "clusters/default:"
    for path, body in (
        ("/start", {"engines": 0, "options": {"a": 1}}),
        ("/scale", {"engines": 6, "restart": True}),
        ("/interrupt", {}),
        ("/engines/3/stop", {}),
        ("/engines/3/restart", {}),
        ("/engines/3/interrupt", {}),
        ("/stop", {}),
    ):
        answer = await send("POST", key + path, body)
        assert (answer.status, answer.body["key"]) == (202, "default:")
    assert fake.get("default:").calls == [
        ("start", 0, {"a": 1}),
        ("scale", 6, True),
        ("interrupt",),
        ("stop_engine", 3),
        ("restart_engine", 3),
        ("interrupt_engine", 3),
        ("stop",),
    ]


async def test_define_and_forget(send: Any, fake: FakeClusters) -> None:
    made = await send("POST", "clusters", {"profile": "hpc", "cluster_id": "night"})
    assert (made.status, made.body["key"]) == (201, "hpc:night")
    assert (await send("GET", "clusters/hpc%3Anight")).body["key"] == "hpc:night"
    assert [one["key"] for one in (await send("GET", "clusters")).body] == ["default:", "hpc:night"]
    gone = await send("DELETE", "clusters/hpc:night")
    assert (gone.status, gone.body) == (204, None)
    assert (await send("GET", "clusters/hpc:night")).status == 404


@pytest.mark.parametrize("path", ["/start", "/scale", "/stop", "/interrupt", "/engines/0/stop"])
async def test_a_slow_order_is_accepted_at_once(send: Any, fake: FakeClusters, path: str) -> None:
    fake.get("default:").slow = True
    began = clock()
    answer = await send("POST", "clusters/default:" + path, {"engines": 4} if path == "/scale" else {})
    assert clock() - began < 0.2
    assert (answer.status, answer.body["key"]) == (202, "default:")


@pytest.mark.parametrize("path", ["/engines", "/logs", "/logs/controller"])
async def test_a_slow_look_says_so_and_is_found_later(send: Any, fake: FakeClusters, log_file: None, path: str) -> None:
    cluster = fake.get("default:")
    cluster.slow = True
    began = clock()
    answer = await send("GET", "clusters/default:" + path)
    assert clock() - began < 0.2
    assert (answer.status, answer.body["reason"], answer.headers["Retry-After"]) == (503, "slow", "1")
    cluster.slow = False
    cluster.released.set()
    assert (await send("GET", "clusters/default:" + path)).status == 200


async def test_a_slow_back_end_does_not_hold_up_others(send: Any, fake: FakeClusters) -> None:
    fake.get("default:").slow = True
    for _ in range(20):  # more than there are threads for looks
        assert (await send("GET", f"clusters/default:/engines?_={_}")).status == 503
    assert (await send("POST", "clusters/default:/stop", {})).status in (202, 503)
    assert ("stop",) in fake.get("default:").calls


async def test_pages_and_searches(send: Any, fake: FakeClusters, log_file: None) -> None:
    page = (await send("GET", LOG + "?at=4&after=1")).body
    assert [line["text"] for line in page["lines"]] == ["two"]
    assert (await send("GET", LOG)).body["size"] == 14
    found = (await send("GET", LOG + "?search=T&from=0")).body
    assert [one["offset"] for one in found["matches"]] == [4, 8]


async def test_download(jp_fetch: Any, fake: FakeClusters, tmp_path: Any) -> None:
    text = b"line \xff\n" * 400_000
    (tmp_path / "controller.log").write_bytes(text)
    response = await jp_fetch("jupyterlab-clusters", "clusters", "default:", "logs", "controller", "download")
    assert response.body == text
    assert response.headers["Content-Type"].startswith("text/plain")
    assert "default-controller.log" in response.headers["Content-Disposition"]
