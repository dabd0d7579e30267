"""Evaluations name their weights, which only the rank that writes them has to hash."""

import pytest
from lightning.pytorch.strategies import SingleDeviceStrategy

from lightning_ouro import solver_cli
from lightning_ouro.evaluation.weights import EvaluatedWeights

from .small_run import lines


@pytest.mark.parametrize("is_first", [True, False])
def test_only_the_first_rank_hashes_a_checkpoint(run, own_fitted, monkeypatch, is_first):
    hashed = []

    class Watched(EvaluatedWeights):
        @classmethod
        def of(cls, checkpoint):
            hashed.append(checkpoint)
            return EvaluatedWeights.of(checkpoint)

    monkeypatch.setattr(solver_cli, "EvaluatedWeights", Watched)
    monkeypatch.setattr(SingleDeviceStrategy, "is_global_zero", is_first)
    last = own_fitted / "checkpoints" / "last.ckpt"
    run("predict", "--config", str(own_fitted / "config.fit.yaml"), "--ckpt_path", "last")
    assert hashed == ([last] if is_first else [])
    assert (own_fitted / "replies.jsonl").exists() == is_first
    if is_first:
        expected = EvaluatedWeights.of(last).record(6)
        assert {row["weights"] for row in lines(own_fitted / "replies.jsonl")} == {expected}
