from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterlab_clusters.cluster.registry import Registry


def test_what_was_saved_is_found_again_and_private(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.save("default:", {"wanted": 4})
    registry.save("lab:a", {"wanted": 2})
    found = {record["key"]: record["wanted"] for _, record in registry.records() if isinstance(record, dict)}
    assert found == {"default:": 4, "lab:a": 2}
    for path, _ in registry.records():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_keys_that_look_alike_have_folders_of_their_own(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    keys = ["a:b", "a-b:", "a:", "A:", "a-:b"]
    assert len({str(registry.folder(key)).lower() for key in keys}) == len(keys)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b'{"version": 99, "key": "default:"}', b'{"version": 1}']
)
def test_a_broken_record_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    registry = Registry(tmp_path)
    registry.save("default:", {"wanted": 4})
    ((path, _),) = list(registry.records())
    path.write_bytes(content)
    ((_, found),) = list(registry.records())
    assert isinstance(found, Exception)
    assert path.read_bytes() == content


def test_a_record_copied_into_another_folder_is_not_believed(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.save("default:", {"wanted": 4})
    ((path, _),) = list(registry.records())
    other = registry.folder("other:")
    other.mkdir()
    (other / "cluster.json").write_bytes(path.read_bytes())
    found = dict(registry.records())
    assert isinstance(found[other / "cluster.json"], Exception)


def test_forgetting_removes_record_and_logs_and_may_be_repeated(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.save("default:", {})
    (registry.log_folder("default:") / "slot-0.log").write_text("x")
    registry.forget("default:")
    registry.forget("default:")
    assert list(registry.records()) == [] and not registry.folder("default:").exists()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, to be filled."""
    if os.geteuid() != 0:
        pytest.fail("this test mounts a small file system and so needs root, as in the project's CI")
    mount = tmp_path / "tiny"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)], check=True)
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_a_full_disk_leaves_the_old_record_whole(tiny_disk: Path) -> None:
    registry = Registry(tiny_disk)
    registry.save("default:", {"wanted": 4})
    (tiny_disk / "filler").write_bytes(b"x" * 40_000)
    with pytest.raises(OSError):
        registry.save("default:", {"wanted": 5, "padding": "y" * 60_000})
    ((path, record),) = list(registry.records())
    assert isinstance(record, dict) and record["wanted"] == 4
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".cluster-")] == []
    assert json.loads(path.read_text())["wanted"] == 4
