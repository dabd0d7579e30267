"""Shape and floor of each kind of loss weight, and what the command line offers."""

from typing import get_args

import torch

from lightning_ouro.curriculum.loss_weights import LOSS_WEIGHTS, LossKind


def test_the_command_line_offers_the_registered_kinds():
    assert get_args(LossKind) == tuple(LOSS_WEIGHTS) == ("uniform", "frontier", "focal")


def test_loss_weights_have_their_shapes_and_floor():
    skill = torch.tensor([0.0, 0.25, 0.5, 1.0])
    expected = {
        "uniform": torch.ones(4),
        "frontier": torch.tensor([0.1, 0.75, 1.0, 0.1]),
        "focal": torch.tensor([1.0, 0.5625, 0.25, 0.1]),
    }
    for kind, weights in expected.items():
        torch.testing.assert_close(LOSS_WEIGHTS[kind](skill), weights)
