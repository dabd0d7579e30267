"""Commands that cannot be carried out: each ends with one line that says what was wrong, and leaves what is there."""

import shutil

import pytest
from safetensors.torch import load_file, save_file

from lightning_ouro.cli import main
from lightning_ouro.solver.checkpoint import checkpoint_folder

from .small_run import SMALL, TINY

BAD = {
    "a missing file": (["--data.scenes", "nowhere.json"], "nowhere.json"),
    "an empty folder": (["--data.scenes", "."], "."),
    "a file that is not meta_info": (["--data.scenes", "wrong.json"], "wrong.json"),
    "a file that is not JSON": (["--data.scenes", "broken.json"], "broken.json"),
    "an unknown key": (["--model.lrr", "1"], "model.lrr"),
    "margins of no name": (["--loop.margins", "loose"], "loop.margins"),
    "margins of no family": (["--loop.margins.sizes", "strict"], "loop.margins: there is no family 'sizes'"),
    "a value of the wrong type": (["--model.lr", "fast"], "model.lr"),
    "frames of the wrong size": (["--data.frames.height", "90"], "frames.height=90"),
    "no questions wanted": (["--data.questions_per_step", "0"], "data.questions_per_step=0"),
    "unequal micro-batches": (["--trainer.accumulate_grad_batches", "5"], "data.questions_per_step=12"),
    "a pool too small for a step": (["--data.questions_per_step", "5000"], "data.questions_per_step=5000"),
    "frames that show nothing": (["--data.frames.num_frames", "0"], "num_frames=0 must be at least 1"),
    "no checkpoint": (
        ["--model.checkpoint", "nowhere", "--model.init", "pretrained"],
        "model.checkpoint='nowhere'",
    ),
    "a config with an unknown key": (["--config", "typo.yaml"], "model.lrr' (read: "),
    "a negative seed": (["--seed_everything", "-1"], "seed_everything=-1"),
    "a seed that does not fit": (["--seed_everything", "99999999999"], "seed_everything=99999999999"),
    "a negative number of questions shown": (
        ["--loop.feedback_per_band", "-1"],
        "loop.feedback_per_band=-1 must be at least 0",
    ),
    "a weight decay below zero": (
        ["--model.weight_decay", "-1"],
        "model.weight_decay=-1.0 must be at least 0",
    ),
    "replies of no length": (["--model.max_new_tokens", "0"], "model.max_new_tokens=0 must be at least 1"),
    "a config that is not text": (["--config", "bytes.yaml"], "codec can't decode byte"),
    "a config that refers to nothing": (["--config", "refers.yaml"], "Environment variable 'NOPE' not found"),
    "a folder that cannot be made": (
        ["--trainer.logger.init_args.save_dir", "/dev/null/runs"],
        "/dev/null/runs",
    ),
    "a learning rate of nothing": (["--model.lr", "0"], "model.lr=0"),
    "an adapter of no rank": (["--model.lora.rank", "0"], "model.lora.rank=0"),
    "a device that is not there": (["--trainer.accelerator", "cuda"], "trainer: "),
    "a missing checkpoint": (["--ckpt_path", "nowhere.ckpt"], "ckpt_path=nowhere.ckpt"),
    "a checkpoint whose name YAML takes for a comment": (["--ckpt_path", "#1"], "ckpt_path=#1: there is no"),
    "a checkpoint of no name": (["--ckpt_path", ""], "ckpt_path= "),
    "scenes whose name YAML takes for a number": (
        ["--data.scenes", "695e0514"],
        ": 695e0514: does not exist",
    ),
    "scenes whose name YAML takes for a comment": (["--data.scenes=#1"], ": #1: does not exist"),
    "scenes of no name": (["--data.scenes="], "--data.scenes needs at least one path"),
    "scenes whose name is no UTF-8": (["--data.scenes", "caf\udce9"], "caf\\udce9: does not exist"),
    "a file that is no checkpoint": (["--ckpt_path", "wrong.json"], "ckpt_path=wrong.json"),
    "a negative number of scenes": (["--data.num_val_scenes", "-1"], "data.num_val_scenes=-1"),
    "a negative number of queries": (["--data.query_drops_per_scene", "-1"], "data.query_drops_per_scene=-1"),
    "an option without its paths": (
        ["--data.scenes", "--data.steps_per_round", "2"],
        "--data.scenes needs at least one path",
    ),
    "a path too long to exist": (["--data.scenes", "x" * 5000], "cannot be read"),
    "going on where nothing is": (["--ckpt_path", "last"], "holds no last.ckpt"),
    "the best checkpoint of another command": (
        ["--ckpt_path", "best"],
        "ckpt_path=best: a command knows only",
    ),
    "a cluster's checkpoint that is not there": (["--ckpt_path", "hpc"], "holds no hpc_ckpt_*.ckpt"),
    "a folder that is no checkpoint": (["--ckpt_path", "."], "ckpt_path=. is a folder"),
    "a checkpoint with too long a name": (["--ckpt_path", "x" * 5000], "there is no such file"),
    "benchmark scenes that were not given": (["--data.benchmark_scenes", "allow"], "data.scenes is missing"),
    "a config that is not there": (["--config", "nowhere.yaml"], "nowhere.yaml"),
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
        assert f"data.num_{split}_scenes=0 leaves nothing to evaluate" in capsys.readouterr().err


@pytest.mark.parametrize("named", ["last", "best", "hpc"])
@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_a_checkpoint_that_is_not_there_is_not_evaluated(run, capsys, command, named):
    with pytest.raises(SystemExit) as stop:
        run(command, "--config", TINY, *SMALL, "--ckpt_path", named)
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert stop.value.code == 2 and f"ckpt_path={named}: " in last


def test_evaluating_freshly_drawn_weights_is_refused(run, capsys):
    with pytest.raises(SystemExit):
        run("validate", "--config", TINY, *SMALL, "--model.init", "random")
    assert (
        "running validate on randomly initialized weights is meaningless; pass --ckpt_path"
        in capsys.readouterr().err
    )


def test_a_finished_run_is_never_overwritten(run, fitted, tmp_path, capsys):
    mine = tmp_path / "mine"
    shutil.copytree(
        fitted, mine / "runs" / "tiny" / "version_0", ignore=shutil.ignore_patterns("checkpoints")
    )
    before = {path: path.read_bytes() for path in mine.rglob("*.jsonl")}
    with pytest.raises(SystemExit):
        folder = (
            "--trainer.logger.init_args.save_dir",
            str(mine / "runs"),
            "--trainer.logger.init_args.version",
            "0",
        )
        run("fit", "--config", TINY, *SMALL, *folder, "--seed_everything", "5")
    assert "belongs to another run or to other settings" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in mine.rglob("*.jsonl")} == before


def test_a_run_is_not_started_again_in_its_own_folder_by_forgetting_the_checkpoint(run, own_fitted, capsys):
    before = {path: path.read_bytes() for path in own_fitted.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit):
        run("fit", "--config", str(own_fitted / "config.fit.yaml"))
    assert "add --ckpt_path last to resume it" in capsys.readouterr().err
    assert all(path.read_bytes() == data for path, data in before.items())
    assert not list(own_fitted.rglob("last-v*"))


@pytest.mark.parametrize("command", ["fit", "validate", "propose"])
def test_a_checkpoint_that_was_cut_off_is_named(run, own_fitted, capsys, command):
    last = own_fitted / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:100_000])
    with pytest.raises(SystemExit):
        run(command, "--config", str(own_fitted / "config.fit.yaml"), "--ckpt_path", "last")
    assert f"{last} is not a checkpoint, or is truncated" in capsys.readouterr().err


def test_a_checkpoint_whose_list_of_contents_is_damaged_is_named(run, own_fitted, capsys):
    last = own_fitted / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes().replace(b"/data.pkl", b"/dbtb.pkl"))
    with pytest.raises(SystemExit):
        run("validate", "--config", str(own_fitted / "config.fit.yaml"), "--ckpt_path", "last")
    assert f"{last} is not a checkpoint, or is truncated" in capsys.readouterr().err


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


def test_a_base_of_other_weights_is_refused_whatever_it_is_called(run, fitted, tmp_path, capsys):
    base = shutil.copytree(checkpoint_folder("tiny"), tmp_path / "m")
    weights = load_file(base / "model.safetensors")
    weights["model.language_model.norm.weight"] += 0.01
    save_file(weights, base / "model.safetensors", {"format": "pt"})
    with pytest.raises(SystemExit):
        last = str(fitted / "checkpoints" / "last.ckpt")
        run("validate", "--config", TINY, *SMALL, "--model.checkpoint", "m", "--ckpt_path", last)
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert "trained on 'tiny', but model.checkpoint='m' has other content: its weights differ" in message


@pytest.mark.parametrize("bad", BAD)
def test_bad_input_ends_with_one_line_that_names_it(run, tmp_path, capsys, bad):
    (tmp_path / "wrong.json").write_text('{"scene": {"questions": []}}')
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "typo.yaml").write_text("model:\n  lrr: 1\n")
    (tmp_path / "bytes.yaml").write_bytes(bytes(range(128, 256)))
    (tmp_path / "refers.yaml").write_text("data:\n  num_train_scenes: ${oc.env:NOPE}\n")
    args, named = BAD[bad]
    with pytest.raises(SystemExit) as stop:
        run("fit", "--config", TINY, *SMALL, *args)
    assert stop.value.code == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert named in last
    assert not list(tmp_path.rglob("*.ckpt"))
    # A pool is too small only once it was filled: what was proposed stays.
    assert (tmp_path / "runs").exists() == (bad == "a pool too small for a step")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["fitt"], "no command 'fitt'; did you mean fit?"),
        (["fti", "--config", "x"], "no command 'fti'; did you mean fit?"),
        (["--help", "fti"], "no command 'fti'; did you mean fit?"),
        (["-h", "Verfy"], "no command 'Verfy'; did you mean verify?"),
        (["--propose"], "no command '--propose'; did you mean propose?"),
        (["--foo"], "no command '--foo'; the commands are"),
    ],
)
def test_an_unknown_command_ends_with_the_list_of_commands(words, named, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert named in message and "propose" in message
