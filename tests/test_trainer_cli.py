"""The application as its users start it: runs, overrides, files, curves."""

import json
import math
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import REASONS

from .small_run import CONFIGS, SMALL, TINY, lines


def test_each_round_leaves_its_three_files(fitted):
    for round in ("000", "001"):
        questions, rejections, selection = (
            lines(fitted / "rounds" / round / f"{n}.jsonl") for n in ("questions", "rejections", "selection")
        )
        assert questions and all(question["round"] == int(round) for question in questions)
        assert all(rejection["reason"] in REASONS and rejection["detail"] for rejection in rejections)
        assert sum(row["drawn"] for row in selection) == 3 * 12
        assert {row["id"] for row in selection} >= {question["id"] for question in questions}
        assert all(row["skill"] is not None for row in selection if row["drawn"])


def test_the_model_itself_asks_by_default_and_is_told_how_it_fared(fitted):
    record = yaml.safe_load((fitted / "config.fit.yaml").read_text())
    assert record["loop"]["proposer"]["class_path"].endswith("ModelProposer")
    assert record["loop"]["blind"] == "confidence"
    for round in ("000", "001"):
        rejections = lines(fitted / "rounds" / round / "rejections.jsonl")
        assert {row["proposal"]["proposer"] for row in rejections} == {"model"}
        assert len(lines(fitted / "rounds" / round / "questions.jsonl")) + len(rejections) == 4 * 26


def test_the_grammar_asks_where_it_is_named(run, tmp_path):
    run("fit", "--config", TINY, *SMALL, "--loop.proposer", "GrammarProposer", "--trainer.max_epochs", "1")
    record = yaml.safe_load((tmp_path / "runs/tiny/version_0/config.fit.yaml").read_text())
    assert record["loop"]["proposer"]["class_path"].endswith("GrammarProposer")


def test_tensorboard_has_every_documented_curve(fitted):
    events = EventAccumulator(str(fitted)).Reload()
    scalars, histograms = set(events.Tags()["scalars"]), set(events.Tags()["histograms"])
    assert {
        "train/loss",
        "train/loss_unweighted",
        "train/confidence",
        "val/loss",
        "val/score",
        "val/video_gain",
        "val_strict/loss",
        "val_strict/score",
        "val_strict/video_gain",
    } <= scalars
    assert {
        "loop/proposed",
        "loop/accepted",
        "loop/pool",
        "curriculum/skill_median",
        "curriculum/effective_sample_size",
        "curriculum/trained",
        "curriculum/trainings_per_question",
    } <= scalars
    assert {f"loop/rejected/{reason}" for reason in REASONS} <= scalars
    assert {f"loop/family_weight/{family}" for family in FAMILIES} <= scalars
    rows = [row for round in ("000", "001") for row in lines(fitted / "rounds" / round / "selection.jsonl")]
    trained = {f"curriculum/skill_mean/{row['family']}" for row in rows if row["skill"] is not None}
    assert {name for name in scalars if name.startswith("curriculum/skill_mean/")} == trained
    assert not any(math.isnan(event.value) for name in scalars for event in events.Scalars(name))
    (text,) = events.Tensors("what the curves mean/text_summary")
    assert b"so a curve has a gap" in text.tensor_proto.string_val[0]
    assert {"curriculum/skill", "curriculum/sampling_weight"} <= histograms
    for name in ("val/loss", "val_strict/loss"):
        assert [event.step for event in events.Scalars(name)] == [0, 2, 5], (
            "before the first round, then after each"
        )
    assert [event.step for event in events.Scalars("loop/pool")] == [0, 3]


def test_resuming_from_the_record_goes_on_in_the_same_folder_from_anywhere(
    run, fitted, tmp_path, monkeypatch
):
    run("fit", "--config", TINY, *SMALL, "--trainer.max_epochs", "1")
    first = tmp_path / "runs" / "tiny" / "version_0"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run("fit", "--config", str(first / "config.fit.yaml"), "--trainer.max_epochs", "2", "--ckpt_path", "last")
    assert [entry.name for entry in (tmp_path / "runs" / "tiny").iterdir()] == ["version_0"]
    assert_same_run(first, fitted)


def test_a_changed_learning_rate_wins_over_the_checkpoints(run, tmp_path):
    run("fit", "--config", TINY, *SMALL, "--trainer.max_epochs", "1")
    first = tmp_path / "runs" / "tiny" / "version_0"
    changed = ("--trainer.max_epochs", "2", "--model.lr", "5e-4", "--ckpt_path", "last")
    run("fit", "--config", str(first / "config.fit.yaml"), *changed)
    state = torch.load(first / "checkpoints" / "last.ckpt", weights_only=True)["optimizer_states"][0]
    assert [group["lr"] for group in state["param_groups"]] == [5e-4]


def test_the_same_seed_gives_the_same_run_to_the_bit_and_another_seed_another(run, fitted, tmp_path):
    run("fit", "--config", TINY, *SMALL)
    run("fit", "--config", TINY, *SMALL, "--seed_everything", "1")
    again, other = (tmp_path / "runs" / "tiny" / f"version_{number}" for number in (0, 1))
    assert_same_run(again, fitted)
    assert (other / "rounds/000/questions.jsonl").read_bytes() != (
        fitted / "rounds/000/questions.jsonl"
    ).read_bytes()


def assert_same_run(one, other):
    files = sorted(path.relative_to(one) for path in (one / "rounds").rglob("*.jsonl"))
    assert len(files) == 6
    for file in files:
        assert (one / file).read_bytes() == (other / file).read_bytes(), file
    mine, theirs = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True) for folder in (one, other)
    )
    assert mine["callbacks"]["ClosedLoop"] == theirs["callbacks"]["ClosedLoop"]
    assert mine["state_dict"].keys() == theirs["state_dict"].keys()
    assert all(torch.equal(value, theirs["state_dict"][name]) for name, value in mine["state_dict"].items())


def test_each_rounds_checkpoint_is_kept_on_request(run, fitted, tmp_path, capsys):
    run("fit", "--config", TINY, *SMALL, "--checkpoint.save_top_k", "-1")
    folder = tmp_path / "runs/tiny/version_0"
    record, kept = (
        str(folder / "config.fit.yaml"),
        ("epoch=0-step=3.ckpt", "epoch=1-step=6.ckpt", "last.ckpt"),
    )
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == list(kept)
    assert_same_run(folder, fitted)
    for name, steps in zip(kept, (3, 6, 6), strict=True):
        run("validate", "--config", record, "--ckpt_path", str(folder / "checkpoints" / name))
        scores = json.loads((folder / "scores.validate.json").read_text())
        assert scores["weights"]["steps"] == steps and scores["weights"]["path"].endswith(name)
    losses = {event.step: event.value for event in EventAccumulator(str(folder)).Reload().Scalars("val/loss")}
    assert losses[2] != losses[5], "each has weights of its own"
    run("fit", "--config", record, "--ckpt_path", "last", "--trainer.max_epochs", "3")
    assert sorted(path.name for path in (folder / "checkpoints").glob("epoch*")) == [
        *kept[:2],
        "epoch=2-step=9.ckpt",
    ]


def test_validate_test_and_predict_read_the_checkpoint(run, fitted, tmp_path, capsys):
    last = str(fitted / "checkpoints" / "last.ckpt")
    for number, (command, curve) in enumerate({"validate": "val/loss", "test": "test/loss"}.items()):
        run(command, "--config", TINY, *SMALL, "--ckpt_path", last)
        events = EventAccumulator(str(tmp_path / "runs" / "tiny" / f"version_{number}")).Reload()
        assert [event.step for event in events.Scalars(curve)] == [5], "the checkpoint's step"
    assert "test/score" in capsys.readouterr().out
    run("predict", "--config", TINY, *SMALL, "--ckpt_path", last)
    replies = lines(tmp_path / "runs" / "tiny" / "version_2" / "replies.jsonl")
    assert Counter(row["set"] for row in replies) == {"vsi_bench": 8, "strict": 8}
    assert all(0 <= row["score"] <= 1 and isinstance(row["reply"], str) for row in replies)


def test_a_limited_validation_leaves_out_scenes_not_sets_nor_dropped_queries(run, tmp_path):
    """Ten scenes are two batches, of which one is asked."""
    scenes = ("--data.num_val_scenes", "10", "--data.eval_questions_per_scene", "12")
    run("validate", "--config", TINY, *SMALL, *scenes, "--trainer.limit_val_batches", "1")
    report = json.loads((tmp_path / "runs" / "tiny" / "version_0" / "scores.validate.json").read_text())
    for group in ("val", "val_strict"):
        for quantity in ("loss", "score", "video_gain", "query_drop", "query_drop_unchanged"):
            value = report["scores"][f"{group}/{quantity}"]
            assert value == value, "a number"


@pytest.mark.parametrize("command", ["fit", "predict", "propose"])
def test_a_development_run_leaves_nothing_behind(run, tmp_path, command):
    run(command, "--config", TINY, *SMALL, "--trainer.fast_dev_run", "true")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_lora_checkpoints_hold_the_adapter_only(run, tmp_path):
    run("fit", "--config", TINY, *SMALL, "--model.lora.rank", "2", "--trainer.max_epochs", "1")
    state = torch.load(tmp_path / "runs/tiny/version_0/checkpoints/last.ckpt", weights_only=True)[
        "state_dict"
    ]
    assert all("lora_" in name for name in state.keys() - {"weighted_loss.previous_mean"})


def test_accumulated_batches_make_the_same_steps(run, fitted, tmp_path):
    run(
        "fit", "--config", TINY, *SMALL, "--trainer.accumulate_grad_batches", "2", "--trainer.max_epochs", "1"
    )
    name = "rounds/000/selection.jsonl"
    mine, whole = lines(tmp_path / "runs/tiny/version_0" / name), lines(fitted / name)
    for row, other in zip(mine, whole, strict=True):
        assert row["drawn"] == other["drawn"]
        assert (row["skill"] is None) == (other["skill"] is None)


@pytest.mark.parametrize("command", ["validate", "test", "predict", "propose"])
def test_other_commands_go_on_from_the_record_of_fit(run, own_fitted, command):
    before = {path: path.read_bytes() for path in own_fitted.rglob("*") if path.is_file()}
    run(command, "--config", str(own_fitted / "config.fit.yaml"), "--ckpt_path", "last")
    assert all(path.read_bytes() == data for path, data in before.items())
    assert (own_fitted / f"config.{command}.yaml").is_file()


@pytest.mark.skipif(find_spec("deepspeed") is not None, reason="DeepSpeed is installed")
def test_deepspeed_without_deepspeed_ends_with_one_line(run, capsys):
    deepspeed = str(CONFIGS / "strategy" / "deepspeed.yaml")
    with pytest.raises(SystemExit) as stop:
        run("fit", "--config", TINY, "--config", deepspeed, *SMALL)
    assert stop.value.code == 2
    assert (
        "DeepSpeedStrategy needs DeepSpeed: pip install" in capsys.readouterr().err.strip().splitlines()[-1]
    )


def test_a_config_for_recorded_scenes_asks_for_them(run, capsys):
    with pytest.raises(SystemExit) as stop:
        big = Path(TINY).with_name("qwen3_vl_4b.yaml")
        run("fit", "--config", str(big), "--trainer.accelerator", "cpu", "--model.checkpoint", "tiny")
    assert stop.value.code == 2
    assert "data.scenes is missing" in capsys.readouterr().err


def test_scenes_of_a_config_are_taken_back_by_null(run, tmp_path, capsys):
    (tmp_path / "recorded.yaml").write_text("data:\n  scenes: [rooms]\n")
    for words, scenes in (((), ["rooms"]), (("--data.scenes", "null"), None)):
        with pytest.raises(SystemExit) as stop:
            run("fit", "--config", "recorded.yaml", *words, "--print_config")
        assert stop.value.code == 0
        assert yaml.safe_load(capsys.readouterr().out)["data"]["scenes"] == scenes
