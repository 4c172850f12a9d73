"""A private IPython folder and its profiles."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyterlab_clusters.profiles import Profiles


@pytest.fixture
def ipython_dir(tmp_path: Path) -> Path:
    return tmp_path / "ipython"


@pytest.fixture
def profiles(ipython_dir: Path) -> Iterator[Profiles]:
    profiles = Profiles(ipython_dir=ipython_dir, time_limit=10.0)
    yield profiles
    profiles.close()


@pytest.fixture
def profile(ipython_dir: Path) -> Callable[..., Path]:
    """Makes a profile of files: ``profile("name", {"ipcluster_config.py": text})``; its folder."""

    def make(name: str, files: dict[str, str | bytes]) -> Path:
        folder = ipython_dir / f"profile_{name}"
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder

    return make


def read(profiles: Profiles, name: str = "p"):
    asyncio.run(profiles.refresh(name))
    return profiles.model(name)
