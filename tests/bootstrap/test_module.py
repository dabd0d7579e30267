"""The module that learns lessons: its losses, and a run by the command line that another command reads."""

import sys
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from lightning_ouro.bootstrap.data import _Stream, _writer
from lightning_ouro.bootstrap.lessons import Curriculum, lessons
from lightning_ouro.bootstrap.module import BootstrapModule
from lightning_ouro.cli import main
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.loading import load

CONFIG = str(Path(__file__).parents[2] / "configs" / "bootstrap.yaml")
SMALL = FrameBudget(2, 64, 96)


@pytest.fixture(scope="module")
def some():
    return list(islice(lessons(Curriculum(SMALL, 3_000_000, 3, 2, seed=0), 0, _writer), 2))


def test_answers_and_proposals_are_learnt_as_transformers_would_have_them(some):
    module = BootstrapModule()
    found = module.losses(some)
    encoder, qwen = module.encoder, module.loaded.qwen
    for name, part in (("answers", 0), ("proposals", 1)):
        losses = []
        for lesson in some:
            rows = (module._asked(lesson), module._told(lesson))
            for suffix in rows[part].suffixes:
                ids = torch.cat([rows[part].prefix.ids, suffix.ids])[None]
                features = module.tower.features([lesson.video]) if rows[part].video else None
                embeds = qwen.get_input_embeddings()(ids)
                shown = ids == encoder.config.video_token_id
                start = rows[part].prefix.next_position
                tail = torch.arange(start, start + len(suffix.ids)).expand(3, -1)
                qwen.model.language_model.config._attn_implementation = "sdpa"
                hidden = qwen.model.language_model(
                    inputs_embeds=embeds.masked_scatter(shown[..., None], features.pooled)
                    if features
                    else embeds,
                    position_ids=torch.cat([rows[part].prefix.positions, tail], 1)[:, None],
                    visual_pos_masks=shown if features else None,
                    deepstack_visual_embeds=features.deepstack if features else None,
                    use_cache=False,
                ).last_hidden_state[0]
                answer = suffix.ids[suffix.answer_start :]
                losses.append(
                    cross_entropy(qwen.lm_head(hidden[-len(answer) - 1 : -1]), answer, reduction="none")
                )
        assert found[name].item() == pytest.approx(torch.cat(losses).mean().item(), rel=1e-5)


def test_a_run_learns_and_leaves_weights_that_the_solver_loads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--trainer.max_steps", "6", "--trainer.val_check_interval", "6", "--data.seeing_only", "2"]
    options += [
        "--data.num_val_lessons",
        "2",
        "--data.questions_per_room",
        "3",
        "--data.replies_per_layout",
        "2",
    ]
    options += [
        "--data.lessons_per_step",
        "1",
        "--trainer.enable_progress_bar",
        "false",
        "--trainer.log_every_n_steps",
        "1",
    ]
    options += [
        "--trainer.devices",
        "1",
        "--trainer.strategy",
        "auto",
        "--checkpoint.every_n_train_steps",
        "3",
    ]
    monkeypatch.setattr(sys, "argv", ["lightning_ouro", "fit", "--config", CONFIG, *options])
    main()
    run = tmp_path / "runs" / "bootstrap" / "version_0"
    loaded = load(str(run / "weights"), "pretrained", None, 0)
    assert loaded.qwen.dtype == torch.bfloat16
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] == 6
    weights = {
        name.removeprefix("net."): value for name, value in state["state_dict"].items() if "cells" not in name
    }
    for name, value in loaded.qwen.state_dict().items():
        assert torch.equal(value, weights[name].bfloat16()), name


def test_a_stream_goes_on_where_it_stopped():
    first, then = Curriculum(SMALL, 3_000_000, 0, 0, 0), Curriculum(SMALL, 3_000_000, 2, 2, 0)
    whole = list(islice(_Stream(first, then, switch=2, start=0), 4))
    rest = list(islice(_Stream(first, then, switch=2, start=1), 3))
    for lesson, again in zip(whole[1:], rest, strict=True):
        assert (lesson.prompt, lesson.questions) == (again.prompt, again.questions)
        assert (lesson.video.frames == again.video.frames).all()
    assert [bool(lesson.prompt) for lesson in whole] == [False, False, True, True]
