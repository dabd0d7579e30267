"""Proposals of a model with drawn weights: nothing that it writes is usable, but how it is written can be checked."""

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import LogitsProcessor, LogitsProcessorList

from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer.frozen_copy import FrozenCopyProposer
from lightning_ouro.proposer.model import ModelProposer, Sampler, as_proposal, generator
from lightning_ouro.proposer.prompt import LONG
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver import answering
from lightning_ouro.solver.loading import Lora
from lightning_ouro.solver.module import SolverModule


@pytest.fixture(scope="module")
def solver():
    """With an adapter that changes what is written, in train mode."""
    module = SolverModule(init="random", lora=Lora(rank=4))
    module.configure_model()
    with torch.no_grad():
        for name, weight in module.net.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.5)
    module.train()
    return module


@pytest.fixture(scope="module")
def briefs(brief):
    other = procedural_scene(9)
    video = other.footage.load(other, FrameBudget())
    second = replace(brief, scene=other, views=video.views, video=lambda: video, slots=5)
    return [replace(brief, slots=3), second]


def written(solver, briefs, **options):
    proposer = ModelProposer(**{"max_new_tokens": 12} | options)
    proposer.attach(solver)
    return [
        (item.proposal.scene_id, item.proposal.slot, item.proposal.text) for item in proposer.propose(briefs)
    ]


class ByGenerator(LogitsProcessor):
    """Makes `generate` write what the sampler draws."""

    def __init__(self, sampler):
        self.sampler = sampler

    def __call__(self, ids, logits):
        token = self.sampler(logits, [0])
        return torch.full_like(logits, -torch.inf).scatter(1, token[:, None], 0.0)


def test_the_text_is_that_of_generate_for_each_proposal_alone_under_the_base(solver, briefs):
    found = written(solver, briefs)
    expected = []
    proposer = ModelProposer()
    for brief in briefs:
        prompt = proposer.writer(solver).write(brief, scene_geometry(brief.scene, brief.views))
        row = solver.encoder.replies(brief.video(), prompt.text, [None])
        ids = torch.cat([row.prefix.ids, row.suffixes[0].ids])[None]
        qwen, video = solver.loaded.qwen, brief.video()
        from lightning_ouro.solver.patches import frames_to_patches, video_grid

        inputs = {
            "input_ids": ids,
            "pixel_values_videos": frames_to_patches(video.frames, solver.loaded.spec),
            "video_grid_thw": torch.tensor([video_grid(video.frames.shape, solver.loaded.spec)]),
            "mm_token_type_ids": 2 * (ids == qwen.config.video_token_id).int(),
        }
        for slot in range(brief.slots):
            chosen = LogitsProcessorList([ByGenerator(Sampler([generator(brief, slot)], 1.0, 1.0))])
            with solver.net.disable_adapter(), torch.no_grad():
                solver.net.eval()
                reply = qwen.generate(
                    **inputs,
                    max_new_tokens=12,
                    do_sample=False,
                    logits_processor=chosen,
                    eos_token_id=2,
                    pad_token_id=0,
                )
                solver.net.train()
            text = solver.loaded.tokenizer.decode(reply[0, ids.shape[1] :], skip_special_tokens=True)
            expected.append((brief.scene.id, slot, prompt.short.resolved(text)))
    assert found == expected


def test_a_proposal_depends_on_its_own_seed_round_scene_and_slot_only(solver, briefs):
    whole = written(solver, briefs)
    assert written(solver, briefs, scenes_per_batch=1) == whole
    assert (
        written(solver, [replace(briefs[1], slots=2), briefs[0]], scenes_per_batch=4)
        == whole[3:5] + whole[:3]
    )
    for change in ({"seed": 1}, {"round": 1}):
        assert not set(written(solver, [replace(briefs[0], **change)])) & set(whole)
    assert len({text for _, _, text in whole}) == len(whole)


def test_adapter_and_train_mode_are_put_back_whatever_happens(solver, briefs, monkeypatch):
    def broken(*_):
        raise RuntimeError("no more")

    monkeypatch.setattr("lightning_ouro.solver.answering.replies", broken)
    with pytest.raises(RuntimeError, match="no more"):
        written(solver, briefs)
    assert all(module.training for module in solver.net.modules())
    assert not any(getattr(module, "disable_adapters", None) is True for module in solver.net.modules())


def numbers_in_parameters():
    """Of all modules that are alive in this process."""
    gc.collect()
    alive = {id(it): it for it in gc.get_objects() if type(it) is torch.nn.Parameter}
    return sum(weight.numel() for weight in alive.values())


def test_while_it_proposes_parameters_in_memory_are_those_of_one_model(solver, briefs, monkeypatch):
    mine, before, during = sum(weight.numel() for weight in solver.parameters()), numbers_in_parameters(), []
    replies = answering.replies

    def counted(*args):
        during.append(numbers_in_parameters())
        return replies(*args)

    monkeypatch.setattr(answering, "replies", counted)
    written(solver, briefs, max_new_tokens=2)
    assert during == [before]
    whole = SolverModule(init="random", lora=None)
    whole.configure_model()
    copying = FrozenCopyProposer(max_new_tokens=2)
    copying.attach(whole)
    copying.propose(briefs)
    adapter = sum(weight.numel() for name, weight in solver.named_parameters() if "lora_" in name)
    assert during[1] == before + 2 * (mine - adapter), "a copy is counted"


def test_what_cannot_be_read_is_a_rejection_that_keeps_the_text(solver, briefs):
    proposer = ModelProposer(max_new_tokens=4)
    proposer.attach(solver)
    found = proposer.propose(briefs)
    assert len(found) == 8 and all(
        isinstance(item, Rejection) and item.reason == "unusable" for item in found
    )
    reply = "How many?\n```python\ndef answer(scene):\n    return count(1)\n```"
    read = as_proposal("model", briefs[0], 3, LONG, reply)
    assert isinstance(read, Proposal) and (read.slot, read.family) == (3, "open")


@pytest.mark.parametrize("top_p", [1.0, 0.6])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_tokens_are_drawn_with_their_probabilities(temperature, top_p):
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0, -30.0]])
    share = torch.softmax(logits[0] / temperature, 0).double().numpy()
    if top_p < 1:
        share[int(np.searchsorted(np.cumsum(share), top_p)) + 1 :] = 0
    share /= share.sum()
    sampler = Sampler([np.random.default_rng(0)], temperature, top_p)
    drawn = np.bincount([int(sampler(logits, [0])) for _ in range(4000)], minlength=5) / 4000
    np.testing.assert_allclose(drawn, share, atol=0.03)


@pytest.mark.parametrize(
    "options",
    [{"temperature": 0.0}, {"top_p": 1.5}, {"top_p": 0.0}, {"max_new_tokens": 0}, {"scenes_per_batch": 0}],
)
def test_settings_that_are_none_are_refused_by_name(options):
    with pytest.raises(InputError, match=rf"loop\.proposer\.{next(iter(options))}="):
        ModelProposer(**options)
