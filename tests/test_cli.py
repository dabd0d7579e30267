"""The application as its users start it: commands, overrides, files, curves, errors."""

import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_ouro.cli import join_lists, main
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import REASONS

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
STRATEGIES = sorted((Path(__file__).parents[1] / "configs" / "strategy").glob("*.yaml"))
TINY = str(Path(__file__).parents[1] / "configs" / "tiny.yaml")
SMALL = [
    *("--data.num_train_scenes", "4", "--data.num_val_scenes", "2", "--data.num_test_scenes", "2"),
    *("--data.steps_per_round", "3", "--data.questions_per_step", "12", "--data.eval_questions_per_scene", "4"),
    *("--loop.proposals_per_scene", "10", "--trainer.max_epochs", "2", "--trainer.enable_progress_bar", "false"),
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in a folder of its own, as a shell would."""
    monkeypatch.chdir(tmp_path)

    def command(*args):
        monkeypatch.setattr(sys, "argv", ["lightning_ouro", *args])
        main()

    return command


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """One small run of two rounds."""
    folder = tmp_path_factory.mktemp("fitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["lightning_ouro", "fit", "--config", TINY, *SMALL])
        main()
    return folder / "runs" / "tiny" / "version_0"


def lines(path):
    return [json.loads(line) for line in path.read_text("utf8").splitlines()]


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


def test_tensorboard_has_every_documented_curve(fitted):
    events = EventAccumulator(str(fitted)).Reload()
    scalars, histograms = set(events.Tags()["scalars"]), set(events.Tags()["histograms"])
    assert {"train/loss", "train/loss_unweighted", "train/confidence", "val/loss", "val/score", "val/sight"} <= scalars
    assert {
        "loop/proposed",
        "loop/accepted",
        "loop/pool",
        "curriculum/skill_median",
        "curriculum/effective_sample_size",
    } <= scalars
    assert {f"loop/rejected/{reason}" for reason in REASONS} <= scalars
    assert {
        f"{name}/{family}" for name in ("loop/family_weight", "curriculum/skill_mean") for family in FAMILIES
    } <= scalars
    assert {"curriculum/skill", "curriculum/sampling_weight"} <= histograms
    assert [event.step for event in events.Scalars("val/loss")] == [0, 2, 5], "before the first round, then behind each"
    assert [event.step for event in events.Scalars("loop/pool")] == [0, 3]


def test_the_runs_record_can_be_run_again(fitted):
    text = (fitted / "config.fit.yaml").read_text()
    assert "# torch " in text and "# lightning_ouro " in text
    record = yaml.safe_load(text)
    assert record["data"]["questions_per_step"] == 12 and record["trainer"]["logger"]["init_args"]["version"] == 0


def test_resuming_from_the_record_goes_on_in_the_same_folder_from_anywhere(run, fitted, tmp_path, monkeypatch):
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
    assert (other / "rounds/000/questions.jsonl").read_bytes() != (fitted / "rounds/000/questions.jsonl").read_bytes()


def assert_same_run(one, other):
    files = sorted(path.relative_to(one) for path in (one / "rounds").rglob("*.jsonl"))
    assert len(files) == 6
    for file in files:
        assert (one / file).read_bytes() == (other / file).read_bytes(), file
    mine, theirs = (torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True) for folder in (one, other))
    assert mine["callbacks"]["ClosedLoop"] == theirs["callbacks"]["ClosedLoop"]
    assert mine["state_dict"].keys() == theirs["state_dict"].keys()
    assert all(torch.equal(value, theirs["state_dict"][name]) for name, value in mine["state_dict"].items())


def test_validate_test_and_predict_read_the_checkpoint(run, fitted, tmp_path, capsys):
    last = str(fitted / "checkpoints" / "last.ckpt")
    for command in ("validate", "test"):
        run(command, "--config", TINY, *SMALL, "--ckpt_path", last)
    assert "test/score" in capsys.readouterr().out
    run("predict", "--config", TINY, *SMALL, "--ckpt_path", last)
    replies = lines(tmp_path / "runs" / "tiny" / "version_2" / "replies.jsonl")
    assert len(replies) == 8 and all(0 <= row["score"] <= 1 and isinstance(row["reply"], str) for row in replies)


def test_a_development_run_leaves_nothing_behind(run, tmp_path):
    run("fit", "--config", TINY, *SMALL, "--trainer.fast_dev_run", "true")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_lora_checkpoints_hold_the_adapter_only(run, tmp_path):
    run("fit", "--config", TINY, *SMALL, "--model.lora.rank", "2", "--trainer.max_epochs", "1")
    state = torch.load(tmp_path / "runs/tiny/version_0/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert all("lora_" in name for name in state.keys() - {"weighted_loss.previous_mean"})


def test_accumulated_batches_make_the_same_steps(run, fitted, tmp_path):
    run("fit", "--config", TINY, *SMALL, "--trainer.accumulate_grad_batches", "2", "--trainer.max_epochs", "1")
    name = "rounds/000/selection.jsonl"
    mine, whole = lines(tmp_path / "runs/tiny/version_0" / name), lines(fitted / name)
    for row, other in zip(mine, whole, strict=True):
        assert row["drawn"] == other["drawn"]
        assert (row["skill"] is None) == (other["skill"] is None)


HEADER = ("# Trains:", "# Command:", "# Time:", "# Memory:", "# Score:", "# Measured:")


@pytest.mark.parametrize("config", CONFIGS, ids=[path.name for path in CONFIGS])
def test_every_config_is_parsed_and_says_what_it_is(run, config, capsys):
    with pytest.raises(SystemExit) as stop:
        run("fit", "--config", str(config), "--print_config")
    assert stop.value.code == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert "class_path" in printed["model"] if config.name == "bootstrap.yaml" else printed["loop"]["proposer"]
    header = config.read_text("utf8")
    for key in HEADER:
        assert key in header, f"{config.name} lacks {key}"


@pytest.mark.parametrize("config", STRATEGIES, ids=[path.name for path in STRATEGIES])
def test_every_strategy_is_parsed_on_top_of_a_config_and_changes_nothing_else(run, config, capsys):
    base, parsed = str(config.parents[1] / "qwen3_vl_4b.yaml"), []
    for configs in ((base,), (base, str(config))):
        with pytest.raises(SystemExit) as stop:
            run("fit", *(word for path in configs for word in ("--config", path)), "--print_config")
        assert stop.value.code == 0
        parsed.append(yaml.safe_load(capsys.readouterr().out))
    without, having = parsed
    strategy = having["trainer"].pop("strategy")
    assert strategy["class_path"].startswith("lightning.pytorch.strategies.")
    assert strategy["init_args"]["timeout"] == "2:00:00"
    without["trainer"].pop("strategy")
    assert having["trainer"]["accumulate_grad_batches"] == 1
    if strategy["class_path"].endswith("ModelParallelStrategy"):
        assert strategy["init_args"]["save_distributed_checkpoint"] is False, "folders of shards cannot lack weights"
    if strategy["class_path"].endswith("DeepSpeedStrategy"):
        assert strategy["init_args"]["logging_batch_size_per_gpu"] == 1, "auto would turn the loop too early"
    for name in ("devices", "accumulate_grad_batches"):
        having["trainer"].pop(name), without["trainer"].pop(name)
    assert having == without
    header = config.read_text("utf8")
    for key in HEADER:
        assert key in header, f"{config.name} lacks {key}"


@pytest.mark.skipif(find_spec("deepspeed") is not None, reason="DeepSpeed is installed")
def test_deepspeed_without_deepspeed_ends_with_one_line(run, capsys):
    deepspeed = next(str(path) for path in STRATEGIES if path.stem == "deepspeed")
    with pytest.raises(SystemExit) as stop:
        run("fit", "--config", TINY, "--config", deepspeed, *SMALL)
    assert stop.value.code == 2
    assert "DeepSpeedStrategy needs DeepSpeed: pip install" in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_config_for_recorded_scenes_asks_for_them(run, capsys):
    with pytest.raises(SystemExit) as stop:
        big = Path(TINY).with_name("qwen3_vl_4b.yaml")
        run("fit", "--config", str(big), "--trainer.accelerator", "cpu", "--model.checkpoint", "tiny")
    assert stop.value.code == 2
    assert "data.scenes is missing" in capsys.readouterr().err


def test_paths_after_a_list_option_become_a_list():
    assert join_lists(["fit", "--data.scenes", "a b.json", "c", "--data.seed", "1"]) == [
        "fit",
        "--data.scenes=[a b.json, c]",
        "--data.seed",
        "1",
    ]


BAD = {
    "a missing file": (["--data.scenes", "nowhere.json"], "nowhere.json"),
    "an empty folder": (["--data.scenes", "."], "."),
    "a file that is not meta_info": (["--data.scenes", "wrong.json"], "wrong.json"),
    "a file that is not JSON": (["--data.scenes", "broken.json"], "broken.json"),
    "an unknown key": (["--model.lrr", "1"], "model.lrr"),
    "a value of the wrong type": (["--model.lr", "fast"], "model.lr"),
    "frames of the wrong size": (["--data.frames.height", "90"], "frames.height=90"),
    "no questions wanted": (["--data.questions_per_step", "0"], "data.questions_per_step=0"),
    "unequal micro-batches": (["--trainer.accumulate_grad_batches", "5"], "data.questions_per_step=12"),
    "a pool too small for a step": (["--data.questions_per_step", "5000"], "data.questions_per_step=5000"),
    "frames that show nothing": (["--data.frames.num_frames", "0"], "frames.num_frames=0"),
    "no checkpoint": (["--model.checkpoint", "nowhere", "--model.init", "pretrained"], "model.checkpoint='nowhere'"),
    "a config with an unknown key": (["--config", "typo.yaml"], "model.lrr' (read: "),
    "a negative seed": (["--seed_everything", "-1"], "seed_everything=-1"),
    "a learning rate of nothing": (["--model.lr", "0"], "model.lr=0"),
    "an adapter of no rank": (["--model.lora.rank", "0"], "model.lora.rank=0"),
    "a device that is not there": (["--trainer.accelerator", "cuda"], "trainer: "),
    "a missing checkpoint": (["--ckpt_path", "nowhere.ckpt"], "ckpt_path=nowhere.ckpt"),
    "a file that is no checkpoint": (["--ckpt_path", "wrong.json"], "ckpt_path=wrong.json"),
    "a negative number of scenes": (["--data.num_val_scenes", "-1"], "data.num_val_scenes=-1"),
    "an option without its paths": (["--data.scenes", "--data.steps_per_round", "2"], "--data.scenes has no path"),
    "a path too long to exist": (["--data.scenes", "x" * 5000], "cannot be read"),
    "going on where nothing is": (["--ckpt_path", "last"], "holds no last.ckpt"),
    "benchmark scenes that were not given": (["--data.benchmark_scenes", "allow"], "data.scenes is missing"),
    "an epoch without a round": (
        ["--trainer.reload_dataloaders_every_n_epochs", "0"],
        "reload_dataloaders_every_n_epochs",
    ),
}


def test_evaluating_without_held_out_scenes_is_refused(run, fitted, capsys):
    for command, split in (("validate", "val"), ("predict", "val"), ("test", "test")):
        with pytest.raises(SystemExit):
            last = str(fitted / "checkpoints" / "last.ckpt")
            run(command, "--config", TINY, *SMALL, f"--data.num_{split}_scenes", "0", "--ckpt_path", last)
        assert f"data.num_{split}_scenes=0 gives nothing to evaluate" in capsys.readouterr().err


def test_evaluating_freshly_drawn_weights_is_refused(run, capsys):
    with pytest.raises(SystemExit):
        run("validate", "--config", TINY, *SMALL)
    assert "validate of freshly drawn weights says nothing: give --ckpt_path" in capsys.readouterr().err


def test_a_finished_run_is_never_overwritten(run, fitted, tmp_path, capsys):
    mine = tmp_path / "mine"
    shutil.copytree(fitted, mine / "runs" / "tiny" / "version_0")
    before = {path: path.read_bytes() for path in mine.rglob("*.jsonl")}
    with pytest.raises(SystemExit):
        folder = ("--trainer.logger.init_args.save_dir", str(mine / "runs"), "--trainer.logger.init_args.version", "0")
        run("fit", "--config", TINY, *SMALL, *folder, "--seed_everything", "5")
    assert "is of another run or of other settings" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in mine.rglob("*.jsonl")} == before


def test_a_checkpoint_of_another_base_is_refused(run, fitted, capsys):
    with pytest.raises(SystemExit):
        run(
            "validate",
            "--config",
            TINY,
            *SMALL,
            "--model.lora.rank",
            "2",
            "--ckpt_path",
            str(fitted / "checkpoints/last.ckpt"),
        )
    assert "the checkpoint was trained on" in capsys.readouterr().err


@pytest.mark.parametrize("bad", BAD)
def test_bad_input_ends_with_one_line_that_names_it(run, tmp_path, capsys, bad):
    (tmp_path / "wrong.json").write_text('{"scene": {"questions": []}}')
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "typo.yaml").write_text("model:\n  lrr: 1\n")
    args, named = BAD[bad]
    with pytest.raises(SystemExit) as stop:
        run("fit", "--config", TINY, *SMALL, *args)
    assert stop.value.code == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert named in last
    assert not list(tmp_path.rglob("*.ckpt"))
