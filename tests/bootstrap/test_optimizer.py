"""Two rules in one optimizer: each parameter moves as under its own rule, also after a save and a load."""

import copy

import torch
from torch import nn

from lightning_ouro.bootstrap.optimizer import MuonAndAdamW

LR, MUON_LR, DECAY = 1e-2, 2e-2, 0.1


def parameters():
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(6, 4)), nn.Parameter(torch.randn(9, 4)), nn.Parameter(torch.randn(4))]


def combined(matrix, embedding, gain):
    return MuonAndAdamW([matrix], [embedding], [gain], LR, MUON_LR, DECAY)


def take_steps(optimizers, params, steps):
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for param in params:
            param.grad = torch.randn(param.shape, generator=generator)
        for optimizer in optimizers:
            optimizer.step()


def are_equal(params, others):
    return all(torch.equal(param, other) for param, other in zip(params, others, strict=True))


def test_each_parameter_moves_as_under_its_own_rule():
    ours, expected = parameters(), parameters()
    take_steps([combined(*ours)], ours, range(5))
    matrix, embedding, gain = expected
    muon = torch.optim.Muon(
        [matrix], lr=MUON_LR, weight_decay=DECAY, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    decayed = torch.optim.AdamW([embedding], lr=LR, betas=(0.9, 0.98), weight_decay=DECAY)
    undecayed = torch.optim.AdamW([gain], lr=LR, betas=(0.9, 0.98), weight_decay=0.0)
    take_steps([muon, decayed, undecayed], expected, range(5))
    assert are_equal(ours, expected)


def test_a_resumed_run_continues_as_if_it_had_never_stopped():
    uninterrupted, resumed = parameters(), parameters()
    take_steps([combined(*uninterrupted)], uninterrupted, range(6))
    first = combined(*resumed)
    take_steps([first], resumed, range(3))
    second = combined(*resumed)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    take_steps([second], resumed, range(3, 6))
    assert are_equal(uninterrupted, resumed)


def test_a_schedule_acts_on_both_rules():
    params = parameters()
    optimizer = combined(*params)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0)
    before = [param.detach().clone() for param in params]
    take_steps([optimizer], params, range(1))
    assert are_equal(before, params)
    schedule.step()
