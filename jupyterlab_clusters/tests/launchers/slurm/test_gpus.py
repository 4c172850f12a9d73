"""Who sees which GPU."""

from __future__ import annotations

import pytest

from jupyterlab_clusters.launchers.slurm.gpus import seen, share


@pytest.mark.parametrize(
    "places, each",
    [
        (1, [["a", "b", "c", "d"]]),
        (2, [["a", "b"], ["c", "d"]]),
        (3, [["a"], ["b"], ["c", "d"]]),
        (4, [["a"], ["b"], ["c"], ["d"]]),
        (6, [["a"], ["b"], ["c"], ["d"], ["a"], ["b"]]),
    ],
)
def test_every_engine_has_its_share(places: int, each: list[list[str]]) -> None:
    assert [share(["a", "b", "c", "d"], place, places) for place in range(places)] == each


def test_where_there_is_none_nothing_is_said() -> None:
    assert seen({"CUDA_VISIBLE_DEVICES": ""}, 0, 2) == {} == seen({}, 0, 2)
    assert seen({"CUDA_VISIBLE_DEVICES": "0,1", "HOME": "/"}, 1, 2) == {"CUDA_VISIBLE_DEVICES": "1"}
