"""The audit of what is brought along: that nobody answered is never taken for a good answer."""

from __future__ import annotations

import json

import pytest

from .test_reports import script

audit = script("audit")

#: What pip-audit 2.10 says of a package that it could not look up, and calls clean.
PASSED_OVER = {"name": "tornado", "skip_reason": "Dependency not found on PyPI and could not be audited: tornado (6.5)"}
CLEAN = {"name": "psutil", "version": "7.2.2", "vulns": []}
KNOWN = {
    "name": "tornado",
    "version": "6.4.1",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["6.4.2"], "aliases": [], "description": "x"}],
}
#: What yarn 4 says where the registry has no audit.
REFUSED = (
    "➤ YN0035: The remote server failed to provide the requested resource\n"
    "➤ YN0035:   Response Code: 405 (Method Not Allowed)\n"
)


def told(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_answers_of_pip_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert audit.python_told(told(CLEAN)) == []
    assert audit.python_told(told(CLEAN, KNOWN)) == ["tornado 6.4.1: PYSEC-1, mended in 6.4.2"]
    monkeypatch.setitem(audit.EXPLAINED, "PYSEC-1", "it is about a part that we do not use")
    assert audit.python_told(told(KNOWN)) == []


@pytest.mark.parametrize("said", [told(CLEAN, PASSED_OVER), "", "No known vulnerabilities found", "{}"])
def test_pip_audit_that_did_not_look(said: str) -> None:
    with pytest.raises(audit.Unreachable):
        audit.python_told(said, "no connection")


def test_answers_of_yarn() -> None:
    assert audit.npm_told("") == []
    one = {"value": "left-pad", "children": {"ID": 7, "Issue": "Bad", "URL": "https://x", "Severity": "high"}}
    assert audit.npm_told(json.dumps(one) + "\n") == ["left-pad: Bad (https://x)"]
    with pytest.raises(audit.Unreachable, match="405"):
        audit.npm_told(REFUSED)


def test_what_is_asked_about_is_what_people_get() -> None:
    found = audit.brought_along()
    assert {"tornado", "pyzmq", "ipyparallel", "jupyter-server", "ipykernel", "msgspec"} <= found.keys()
    assert not {"pytest", "hypothesis", "mypy", "schemathesis"} & found.keys()
