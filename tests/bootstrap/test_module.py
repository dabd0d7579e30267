"""The module that learns lessons: its losses, and a run by the command line whose weights the solver loads."""

import sys
from itertools import islice
from pathlib import Path

import pytest
import torch
import yaml
from torch.nn.functional import cross_entropy

from lightning_ouro.bootstrap.data import prompt_writer
from lightning_ouro.bootstrap.lessons import LessonPlan, lessons
from lightning_ouro.bootstrap.module import BootstrapModule
from lightning_ouro.cli import main
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.installed_processor import installed_video_form
from lightning_ouro.solver.loading import load
from lightning_ouro.solver.prompt_form import form_of_weights

CONFIG = str(Path(__file__).parents[2] / "configs" / "bootstrap.yaml")
SMALL = FrameBudget(2, 64, 96)


def token_losses(module, row, suffix):
    """The losses of a suffix's answer by transformers' own forward, with nothing shared."""
    encoder, qwen = module.encoder, module.loaded.qwen
    ids = torch.cat([row.prefix.ids, suffix.ids])[None]
    features = module.tower.features([row.video]) if row.video else None
    embeds = qwen.get_input_embeddings()(ids)
    is_video = ids == encoder.config.video_token_id
    start = row.prefix.next_position
    positions = torch.arange(start, start + len(suffix.ids)).expand(3, -1)
    qwen.model.language_model.config._attn_implementation = "sdpa"
    hidden = qwen.model.language_model(
        inputs_embeds=embeds.masked_scatter(is_video[..., None], features.pooled) if features else embeds,
        position_ids=torch.cat([row.prefix.positions, positions], 1)[:, None],
        visual_pos_masks=is_video if features else None,
        deepstack_visual_embeds=features.deepstack if features else None,
        use_cache=False,
    ).last_hidden_state[0]
    answer = suffix.ids[suffix.answer_start :]
    return cross_entropy(qwen.lm_head(hidden[-len(answer) - 1 : -1]), answer, reduction="none")


def test_losses_of_answers_and_proposals_are_those_of_transformers():
    two_lessons = list(islice(lessons(LessonPlan(SMALL, 3_000_000, 3, 2, seed=0), 0, prompt_writer), 2))
    module = BootstrapModule()
    losses = module.losses(two_lessons)
    for name, make_row in (("answers", module._question_row), ("proposals", module._proposal_row)):
        rows = [make_row(lesson) for lesson in two_lessons]
        expected = [token_losses(module, row, suffix) for row in rows for suffix in row.suffixes]
        assert losses[name].item() == pytest.approx(torch.cat(expected).mean().item(), rel=1e-5)


def test_a_run_leaves_weights_that_the_solver_loads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {
        **{"trainer.max_steps": 6, "trainer.val_check_interval": 6, "trainer.log_every_n_steps": 1},
        **{"trainer.devices": 1, "trainer.strategy": "auto", "trainer.enable_progress_bar": "false"},
        **{"data.seeing_only": 2, "data.num_val_lessons": 2, "data.lessons_per_step": 1},
        **{"data.questions_per_room": 3, "data.replies_per_layout": 2},
        "checkpoint.every_n_train_steps": 3,
    }
    given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    monkeypatch.setattr(sys, "argv", ["lightning_ouro", "bootstrap", "--config", CONFIG, *given])
    main()
    run = tmp_path / "runs" / "bootstrap" / "version_0"
    loaded = load(str(run / "weights"), "pretrained", None, 0)
    assert loaded.qwen.dtype == torch.bfloat16
    recorded = yaml.safe_load((run / "config.bootstrap.yaml").read_text("utf8"))["model"]["video_form"]
    assert form_of_weights(str(run / "weights")).video_form == recorded == installed_video_form()
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] == 6
    trained = {
        name.removeprefix("net."): value for name, value in state["state_dict"].items() if "cells" not in name
    }
    for name, value in loaded.qwen.state_dict().items():
        assert torch.equal(value, trained[name].bfloat16()), name
