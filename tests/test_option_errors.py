"""An option that cannot be read is named with what was given and what may stand there, in one line."""

import pytest

from lightning_ouro.cli import main
from lightning_ouro.option_errors import readable

from .small_run import TINY

CLASS = "a class (its import path, or a dictionary of its options)"
LINES = {
    "a number in place of a word": ("--model.dtype 3", "model.dtype=3 must be auto, float32 or bfloat16"),
    "a word in place of a number": ("--model.lr fast", "model.lr=fast must be a number"),
    "a union of plain types": (
        "--data.num_train_scenes many",
        "data.num_train_scenes=many must be a whole number or null",
    ),
    "a union with two kinds of numbers": (
        "--trainer.limit_val_batches x",
        "trainer.limit_val_batches=x must be a number or null",
    ),
    "a union of words and a dictionary": (
        "--loop.margins loose",
        "loop.margins=loose must be mixed, vsi_bench, strict or a dictionary",
    ),
    "a union with words of its own": (
        "--checkpoint.save_last maybe",
        "checkpoint.save_last=maybe must be true, false, link or null",
    ),
    "a union of numbers and words": (
        "--trainer.precision 7",
        "trainer.precision=7 must be 64, 32, 16, transformer-engine, transformer-engine-float16, 16-true, "
        "16-mixed, bf16-true, bf16-mixed, 32-true, 64-true, bf16 or null",
    ),
    "an option of a class that may be absent": (
        "--model.lora.rank x",
        "model.lora.rank=x must be a whole number",
    ),
    "an option of a class": (
        "--loop.proposer ModelProposer --loop.proposer.prompt long",
        "loop.proposer.prompt=long must be auto, full or compact",
    ),
    "a class of no name": ("--loop.proposer Foo", f"loop.proposer=Foo must be {CLASS}"),
    "a union of classes": (
        "--trainer.logger Foo",
        f"trainer.logger=Foo must be {CLASS}, a list, true, false or null",
    ),
    "an option that a class lacks": (
        "--trainer.logger.init_args.foo 1",
        "trainer.logger: TensorBoardLogger has no option 'foo'",
    ),
}


def message(capsys, *args):
    with pytest.raises(SystemExit) as stop:
        main(args)
    assert stop.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize("name", LINES)
def test_what_was_given_and_what_is_allowed_is_said(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    options, expected = LINES[name]
    line = message(capsys, "fit", *options.split())
    assert line == f"lightning_ouro: {expected}; `--help` after the command lists every option"


def test_a_value_in_a_file_is_told_with_the_file(tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text("model:\n  lora:\n    rank: [1, 2]\n")
    line = message(capsys, "fit", "--config", TINY, "--config", str(tmp_path / "mine.yaml"))
    assert "model.lora.rank=[1, 2] must be a whole number (read: " in line and "mine.yaml" in line


def test_commands_that_are_functions_say_the_same(capsys):
    line = message(capsys, "prepare", "rooms", "store", "--workers", "many")
    assert line.startswith("lightning_ouro: workers=many must be a whole number or null; `prepare --help`")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("--trainer.strategy foo", "trainer: You selected an invalid strategy name"),
        ("--trainer.accelerator abacus", "trainer: You selected an invalid accelerator name"),
        ("--trainer.devices [a", "trainer: `devices` selected with `CPUAccelerator`"),
        ("--trainer.profiler slow", "trainer: When passing string value for the `profiler`"),
    ],
)
def test_a_trainer_that_cannot_be_made_is_no_traceback(tmp_path, monkeypatch, capsys, options, named):
    monkeypatch.chdir(tmp_path)
    assert named in message(capsys, "fit", "--config", TINY, *options.split())
    assert list(tmp_path.iterdir()) == []


def test_a_long_value_is_cut_off_and_what_is_not_known_stays_whole():
    long = "Parser key \"a.b\":\n  Expected a <class 'int'>. Got value: " + "x" * 5000
    assert readable(TypeError(long)) == f"a.b={'x' * 160}... must be a whole number"
    assert readable(TypeError("something\n  else")) == "something else"
