"""Two rules in one optimizer: each weight moves as under its own rule, over a save as well."""

import copy

import torch
from torch import nn

from lightning_ouro.bootstrap.optimizer import MuonAndAdamW

LR, MUON_LR, DECAY = 1e-2, 2e-2, 0.1


def weights():
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(6, 4)), nn.Parameter(torch.randn(9, 4)), nn.Parameter(torch.randn(4))]


def both(inside, embedding, gain):
    return MuonAndAdamW([inside], [embedding], [gain], LR, MUON_LR, DECAY)


def walk(optimizers, params, steps):
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for param in params:
            param.grad = torch.randn(param.shape, generator=generator)
        for optimizer in optimizers:
            optimizer.step()


def test_each_weight_moves_as_under_its_own_rule():
    mine, theirs = weights(), weights()
    walk([both(*mine)], mine, range(5))
    inside, embedding, gain = theirs
    muon = torch.optim.Muon(
        [inside], lr=MUON_LR, weight_decay=DECAY, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    decayed = torch.optim.AdamW([embedding], lr=LR, betas=(0.9, 0.98), weight_decay=DECAY)
    free = torch.optim.AdamW([gain], lr=LR, betas=(0.9, 0.98), weight_decay=0.0)
    walk([muon, decayed, free], theirs, range(5))
    assert all(torch.equal(one, other) for one, other in zip(mine, theirs, strict=True))


def test_a_run_that_stopped_goes_on_as_if_it_had_not():
    whole, parts = weights(), weights()
    walk([both(*whole)], whole, range(6))
    first = both(*parts)
    walk([first], parts, range(3))
    second = both(*parts)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    walk([second], parts, range(3, 6))
    assert all(torch.equal(one, other) for one, other in zip(whole, parts, strict=True))


def test_a_schedule_reaches_both_rules():
    params = weights()
    optimizer = both(*params)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0)
    before = [param.detach().clone() for param in params]
    walk([optimizer], params, range(1))
    assert all(torch.equal(one, other) for one, other in zip(before, params, strict=True))
    schedule.step()
