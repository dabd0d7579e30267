"""Collectives on two processes over gloo."""

import torch
from torch import distributed, multiprocessing

from lightning_ouro.distributed import from_first_rank


def rank(number, address, results):
    distributed.init_process_group("gloo", init_method=address, rank=number, world_size=2)
    calls = []

    def compute(value):
        calls.append(value)
        return {"rank": number, "value": value}

    def fail():
        calls.append("failed")
        raise ValueError(f"of rank {number}")

    found = from_first_rank(lambda: compute(7))
    try:
        from_first_rank(fail)
    except ValueError as error:
        results.put((number, found, str(error), calls))
    distributed.destroy_process_group()


def test_the_first_rank_alone_computes_and_its_errors_reach_all(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    torch.multiprocessing.spawn(rank, (f"file://{tmp_path}/store", results), nprocs=2)
    outcomes = sorted(results.get(timeout=10) for _ in range(2))
    expected = ({"rank": 0, "value": 7}, "of rank 0")
    assert outcomes == [(0, *expected, [7, "failed"]), (1, *expected, [])]


def test_a_single_process_computes_by_itself():
    assert from_first_rank(lambda: 3) == 3
