"""Samples, document and code are in step."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from jupyterlab_clusters.cluster.models import ClusterModel, EngineModel, LoadModel
from jupyterlab_clusters.web import messages, openapi

from .samples import HERE, samples, text

ROOT = Path(__file__).parents[3]
ITEMS = {"clusters": ClusterModel, "engines": EngineModel, "load": LoadModel}
FILES = sorted(HERE.glob("*.json"))


def test_files_are_what_the_code_says() -> None:
    assert {path.stem: path.read_text(encoding="utf-8") for path in FILES} == {
        name: text(sample) for name, sample in samples().items()
    }


@pytest.mark.parametrize("path", [path for path in FILES if not path.stem.startswith("rest")], ids=lambda p: p.stem)
def test_stream_samples_are_as_declared(path: Path) -> None:
    message = json.loads(path.read_text(encoding="utf-8"))["message"]
    kind = next(
        kind
        for word, kind in (
            ("snapshot", messages.Snapshot),
            ("changes", messages.Changes),
            ("lines", messages.Lines),
            ("lagged", messages.Lagged),
            ("error", messages.TopicError),
        )
        if word in message
    )
    read = msgspec.convert(message, kind, strict=True)
    assert set(message) == set(kind.__struct_fields__)
    if isinstance(read, messages.Snapshot):
        msgspec.convert(read.snapshot, list[ITEMS[read.topic.partition("/")[0]]])  # type: ignore[misc]


def test_document_is_in_step() -> None:
    assert json.loads((ROOT / "openapi.json").read_text()) == json.loads(json.dumps(openapi.document()))


def test_every_reference_of_the_document_leads_somewhere() -> None:
    document = openapi.document()
    schemas = document["components"]["schemas"]
    references = {part.split('"')[0] for part in json.dumps(document).split('"#/components/schemas/')[1:]}
    assert references <= set(schemas)
    assert "PreviewFile" in schemas or "File" in schemas
