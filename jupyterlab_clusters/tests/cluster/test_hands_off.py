"""What runs, when somebody else has had his hands on its files; and what it leaves on the disk."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from jupyterlab_clusters.cluster import leftfiles

from .conftest import Site, until
from .test_real import started

pytestmark = [pytest.mark.timeout(120)]

NOBODY = 65534


def open_to_others(root: Path) -> list[str]:
    """Files of ours that somebody else could read, and folders in which he could look around."""
    return [
        f"{stat.S_IMODE(path.lstat().st_mode):o} {path.relative_to(root)}"
        for path in root.rglob("*")
        if not path.is_symlink() and path.lstat().st_mode & 0o077
    ]


async def test_nothing_of_a_running_cluster_is_open_to_others(site: Site) -> None:
    before = os.umask(0o002)
    try:
        cluster = await started(site, 2)
        cluster.log_folder()
    finally:
        os.umask(before)
    assert open_to_others(site.home / "data") == []
    assert open_to_others(site.home / "run") == []
    assert open_to_others(cluster.profile_dir / "security") == []


@pytest.mark.parametrize("damage", ["written by the group", "of another user", "a link"])
async def test_a_folder_of_records_that_is_not_ours_starts_nothing(site: Site, damage: str) -> None:
    folder = site.home / "data" / "jupyterlab-clusters"
    if damage == "a link":
        (site.home / "elsewhere").mkdir(mode=0o700)
        (site.home / "data").mkdir(exist_ok=True)
        folder.symlink_to(site.home / "elsewhere")
    else:
        folder.mkdir(parents=True)
        folder.chmod(0o770 if damage == "written by the group" else 0o700)
        if damage == "of another user":
            os.chown(folder, NOBODY, NOBODY)
    cluster = site.clusters.get("default:")
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None and model.failure.cause.startswith(str(folder)), model.failure
    assert model.engines.launched == 0
    folder.chmod(0o700) if not folder.is_symlink() else folder.unlink()
    if damage == "of another user":
        os.chown(folder, 0, 0)


async def test_a_record_that_others_could_write_is_not_believed(home: Path, site: Site) -> None:
    """He could have named processes and sockets of his own in it."""
    cluster = await started(site, 1)
    (record,) = (site.home / "data").glob("*/*/cluster.json")
    await site.close()
    record.chmod(0o660)
    again = await Site(home).open()
    assert again.clusters.get("default:").model().state == "stopped"
    await again.close()
    record.chmod(0o600)
    await site.open()
    assert (await until(site.clusters.get("default:"), lambda model: model.state == "running")).engines.registered == 1
    assert cluster.key == "default:"


async def test_a_connection_file_of_another_user_is_not_followed(site: Site) -> None:
    """It would lead to his hub, with a key that he knows."""
    profile = site.home / "ipython" / "profile_default" / "security"
    profile.mkdir(parents=True, mode=0o700)
    file = profile / "ipcontroller-theirs-client.json"
    file.write_text(json.dumps({"key": "k", "interface": "tcp://127.0.0.1", "registration": 9}))
    os.chown(file, NOBODY, NOBODY)
    (profile / "ipcontroller-link-client.json").symlink_to(file)
    assert list(leftfiles.found("default", profile)) == []
