"""Proposals of a model with random weights: none can be used, but how they are written can be checked."""

import gc
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LogitsProcessor, LogitsProcessorList

from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer.frozen_copy import FrozenCopyProposer
from lightning_ouro.proposer.model import ModelProposer, Sampler, as_proposal, generator
from lightning_ouro.proposer.parsing import LONGEST_REPLY
from lightning_ouro.proposer.prompt import NO_SHORT_NAMES
from lightning_ouro.proposer.short_names import ShortNames
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver import answering
from lightning_ouro.solver.checkpoint import checkpoint_folder
from lightning_ouro.solver.loading import Lora
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.patches import frames_to_patches, grid_of, joined_frames


@pytest.fixture(scope="module")
def solver():
    """In train mode, with an adapter that changes what is written."""
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
    # Random weights may happen to write what can be used.
    proposals = (item.proposal if isinstance(item, Rejection) else item for item in proposer.propose(briefs))
    return [(proposal.scene_id, proposal.slot, proposal.text) for proposal in proposals]


@pytest.mark.parametrize("saved_again", [False, True])
def test_a_copy_of_the_tiny_model_gets_compact_prompts(solver, briefs, tmp_path, saved_again):
    shutil.copytree(checkpoint_folder("tiny"), tmp_path / "copy")
    if saved_again:
        solver.encoder.tokenizer.save_pretrained(tmp_path / "copy")
    copied = SolverModule(str(tmp_path / "copy"), init="random", lora=Lora(rank=4))
    copied.configure_model()
    texts = [
        ModelProposer().prompt_writer(each).write(briefs[0], briefs[0].geometry()).text
        for each in (solver, copied)
    ]
    assert texts[0] == texts[1] and ModelProposer().derive_with(copied, [object()]) == [[]]


def test_another_model_gets_full_prompts_whatever_its_folder_is_called(solver, briefs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = json.loads((Path(checkpoint_folder("tiny")) / "tokenizer.json").read_text("utf8"))
    other["model"]["vocab"]["another word"] = len(other["model"]["vocab"]) + len(other["added_tokens"])
    shutil.copytree(checkpoint_folder("tiny"), tmp_path / "my" / "tiny")
    (tmp_path / "my" / "tiny" / "tokenizer.json").write_text(json.dumps(other))
    module = SolverModule("my/tiny", init="random")
    module.configure_model()
    texts = [
        ModelProposer(prompt).prompt_writer(module).write(briefs[0], briefs[0].geometry()).text
        for prompt in ("auto", "full")
    ]
    assert texts[0] == texts[1]


class ByGenerator(LogitsProcessor):
    """Makes `generate` write what the sampler draws."""

    def __init__(self, sampler):
        self.sampler = sampler

    def __call__(self, ids, logits):
        token = self.sampler(logits, [0])
        return torch.full_like(logits, -torch.inf).scatter(1, token[:, None], 0.0)


def generated(solver, brief, prompt):
    """The texts by transformers' `generate` under the base, each proposal alone."""
    qwen, spec, video = solver.loaded.qwen, solver.loaded.spec, brief.video()
    row = solver.encoder.row_of_replies(video, prompt.text, [None])
    ids = torch.cat([row.prefix.ids, row.suffixes[0].ids])[None]
    inputs = {
        "input_ids": ids,
        "pixel_values_videos": frames_to_patches(joined_frames(video, spec), spec),
        "video_grid_thw": torch.tensor([grid_of(video, spec)]),
        "mm_token_type_ids": 2 * (ids == qwen.config.video_token_id).int(),
    }
    for slot in range(brief.slots):
        sampler = ByGenerator(Sampler([generator(brief, slot)], 1.0, 1.0))
        with solver.net.disable_adapter(), torch.no_grad():
            solver.net.eval()
            reply = qwen.generate(
                **inputs,
                max_new_tokens=12,
                do_sample=False,
                logits_processor=LogitsProcessorList([sampler]),
                eos_token_id=2,
                pad_token_id=0,
            )
            solver.net.train()
        text = solver.loaded.tokenizer.decode(reply[0, ids.shape[1] :], skip_special_tokens=True)
        yield prompt.short.expand(text)


def test_texts_are_those_of_generate_under_the_base_alone(solver, briefs):
    writer, expected = ModelProposer().prompt_writer(solver), []
    for brief in briefs:
        prompt = writer.write(brief, scene_geometry(brief.scene, brief.views))
        expected += [(brief.scene.id, *item) for item in enumerate(generated(solver, brief, prompt))]
    assert written(solver, briefs) == expected


def test_a_proposal_depends_on_its_seed_round_scene_and_slot_only(solver, briefs):
    texts = written(solver, briefs)
    assert written(solver, briefs, scenes_per_batch=1) == texts
    swapped = [replace(briefs[1], slots=2), briefs[0]]
    assert written(solver, swapped, scenes_per_batch=4) == texts[3:5] + texts[:3]
    for change in ({"seed": 1}, {"round": 1}):
        assert not set(written(solver, [replace(briefs[0], **change)])) & set(texts)
    assert len({text for _, _, text in texts}) == len(texts)


def test_adapter_and_train_mode_are_restored_after_an_error(solver, briefs, monkeypatch):
    def broken(*_):
        raise RuntimeError("no more")

    monkeypatch.setattr("lightning_ouro.solver.answering.replies", broken)
    with pytest.raises(RuntimeError, match="no more"):
        written(solver, briefs)
    assert all(module.training for module in solver.net.modules())
    assert not any(getattr(module, "disable_adapters", None) is True for module in solver.net.modules())


def num_parameters_alive():
    """In all modules of this process."""
    gc.collect()
    alive = {id(item): item for item in gc.get_objects() if type(item) is torch.nn.Parameter}
    return sum(weight.numel() for weight in alive.values())


def test_proposing_keeps_the_parameters_of_one_model_in_memory(solver, briefs, monkeypatch):
    before, while_proposing = num_parameters_alive(), []
    replies = answering.replies

    def counted(*args):
        while_proposing.append(num_parameters_alive())
        return replies(*args)

    monkeypatch.setattr(answering, "replies", counted)
    written(solver, briefs, max_new_tokens=2)
    assert while_proposing == [before]
    fully_trained = SolverModule(init="random", lora=None)
    fully_trained.configure_model()
    copying = FrozenCopyProposer(ModelProposer(max_new_tokens=2))
    copying.attach(fully_trained)
    copying.propose(briefs)
    base = sum(weight.numel() for name, weight in solver.named_parameters() if "lora_" not in name)
    assert while_proposing[1] == before + 2 * base, "the count does notice a copy"


def test_a_reply_that_cannot_be_read_is_a_rejection_with_its_text(solver, briefs):
    proposer = ModelProposer(max_new_tokens=4)
    proposer.attach(solver)
    rejections = proposer.propose(briefs)
    assert len(rejections) == 8
    assert all(isinstance(item, Rejection) and item.reason == "unusable" for item in rejections)
    assert all(item.proposal.text for item in rejections)


def test_a_reply_that_can_be_read_is_a_proposal(briefs):
    reply = "How many?\n```python\ndef answer(scene):\n    return count(1)\n```"
    proposal = as_proposal("model", briefs[0], 3, NO_SHORT_NAMES, reply)
    assert isinstance(proposal, Proposal) and (proposal.slot, proposal.family) == (3, "open")


@pytest.mark.parametrize("top_p", [1.0, 0.6])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_tokens_are_drawn_with_their_probabilities(temperature, top_p):
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0, -30.0]])
    expected = torch.softmax(logits[0] / temperature, 0).double().numpy()
    if top_p < 1:
        expected[int(np.searchsorted(np.cumsum(expected), top_p)) + 1 :] = 0
    expected /= expected.sum()
    sampler = Sampler([np.random.default_rng(0)], temperature, top_p)
    drawn = np.bincount([int(sampler(logits, [0])) for _ in range(4000)], minlength=5) / 4000
    np.testing.assert_allclose(drawn, expected, atol=0.03)


@pytest.mark.parametrize(
    "options",
    [{"temperature": 0.0}, {"top_p": 1.5}, {"top_p": 0.0}, {"max_new_tokens": 0}, {"scenes_per_batch": 0}],
)
def test_bad_settings_are_refused_by_name(options):
    with pytest.raises(InputError, match=rf"loop\.proposer\.{next(iter(options))}="):
        ModelProposer(**options)


def test_a_solver_that_trains_all_weights_is_refused():
    trained = SolverModule(init="random", lora=None)
    with pytest.raises(
        InputError, match=r"model\.lora=null trains all weights; set loop\.proposer=FrozenCopyP"
    ):
        ModelProposer().attach(trained)
    assert ModelProposer().base(trained) is None


def test_a_reply_beyond_the_limit_is_neither_expanded_nor_kept_whole(brief):
    short = ShortNames({"c" * 40: "@1"}, {})
    rejection = as_proposal("model", brief, 0, short, "@1 " * LONGEST_REPLY)
    assert isinstance(rejection, Rejection) and rejection.reason == "unusable"
    assert rejection.proposal.text == ("@1 " * LONGEST_REPLY)[:LONGEST_REPLY]
