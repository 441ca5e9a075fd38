"""GPUs: asked for where jobs run, and never replaced by the CPU without a word."""

from __future__ import annotations

import pytest
import torch

from synthaug.core.errors import SynthaugError
from synthaug.jobs.gpus import check_gpu, gpus_of_a_job


@pytest.mark.parametrize(
    ("on_cluster", "here", "environment", "expected"),
    [
        (True, False, {}, 1),  # a login node without nvidia-smi
        (False, True, {}, 1),
        (False, False, {}, 0),
        (True, True, {"SYNTHAUG_GPUS": "0"}, 0),
    ],
)
def test_a_gpu_is_asked_for_on_a_cluster_and_where_there_is_one(on_cluster, here, environment, expected):
    assert gpus_of_a_job(on_cluster, here, environment) == expected


def test_only_none_can_be_set():
    with pytest.raises(SynthaugError, match="SYNTHAUG_GPUS is '4'; set 0"):
        gpus_of_a_job(True, False, {"SYNTHAUG_GPUS": "4"})


def test_a_job_without_the_gpu_that_it_asked_for_ends(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SynthaugError, match=r"a GPU was asked for.*CUDA_VISIBLE_DEVICES: 3.*SYNTHAUG_GPUS=0"):
        check_gpu(1, {"CUDA_VISIBLE_DEVICES": "3"})
    check_gpu(0, {})
    check_gpu(1, {"SYNTHAUG_GPUS": "0"})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_gpu(1, {})
