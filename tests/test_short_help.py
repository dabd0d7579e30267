"""`--help` of the commands with a Trainer is short and true; `--help.all` leaves nothing out."""

import re

import pytest

from lightning_ouro.cli import main
from lightning_ouro.short_help import BASICS

COMMANDS = ["fit", "validate", "test", "predict", "propose", "bootstrap"]
TWO_SCREENS = 110  # lines of a terminal of 110 columns


@pytest.fixture
def help_of(monkeypatch, capsys):
    def text(*words, columns=110):
        monkeypatch.setenv("COLUMNS", str(columns))
        try:
            main(words)
        except SystemExit as stop:
            assert not stop.code
        return capsys.readouterr().out

    return text


def options(text):
    return set(re.findall(r"^ +(?:-c CONFIG, )?--([\w.]+)", text, re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_two_screens_and_names_what_people_set(help_of, command):
    text = help_of(command, "--help")
    assert len(text.splitlines()) <= TWO_SCREENS and max(map(len, text.splitlines())) <= 110
    assert text.startswith(f"usage: lightning_ouro {command} ") and "--help.all" in text
    known = options(help_of(command, "--help.all"))
    shown = options(text)
    assert shown <= known | {"help.all"}
    for group in ("data", "model", "loop"):
        whole = {name for name in known if name.startswith(f"{group}.") and not name.endswith(".help")}
        whole -= {
            name for name in whole for other in whole if other.startswith(f"{name}.")
        }  # configs of groups
        assert {name for name in shown if name.startswith(f"{group}.")} == whole, group
    assert {"config", "ckpt_path", "trainer.max_epochs", "checkpoint.save_top_k"} <= shown
    assert not {"trainer.barebones", "checkpoint.enable_version_counter"} & shown


@pytest.mark.parametrize("command", ["fit", "bootstrap"])
def test_every_name_that_the_short_help_explains_is_an_option(help_of, command):
    shown = options(help_of(command, "--help"))
    assert BASICS.keys() - shown <= ({"model.lora"} if command == "bootstrap" else set())


def test_help_all_has_every_option_of_lightning(help_of):
    text = help_of("fit", "--help.all")
    assert {"trainer.barebones", "checkpoint.enable_version_counter", "weights_only"} <= options(text)
    assert "known subclasses" in text and "(type: int, default: 24)" in text
    assert help_of("--help.all", "fit") == text
    assert help_of("-h", "fit") == help_of("fit", "--help") == help_of("fit", "-h")


def test_an_options_default_and_choices_stand_beside_it(help_of):
    text = help_of("fit", "--help")
    for line in (
        r"  --data\.num_train_scenes 96 +Maximum number of training scenes",
        r"  --model\.train all +Weights that are trained without an adapter: all, language_model",
        r"  --loop\.proposer ModelProposer +Class that writes the questions",
        r"  --model\.gradient_checkpointing false\n +Whether to recompute layers",
    ):
        assert re.search(line, text), line


@pytest.mark.parametrize("columns", [20, 60, 200])
def test_help_fits_a_terminal_of_any_width(help_of, columns):
    lines = help_of("fit", "--help", columns=columns).splitlines()
    texts = [line for line in lines if line.startswith("   ")]
    assert texts and max(map(len, texts)) <= max(min(columns, 120), 40)


def test_the_options_of_one_class_are_asked_for_by_its_name(help_of):
    assert "--loop.proposer.key_file" in help_of("fit", "--loop.proposer.help", "EndpointProposer")


def test_commands_without_a_trainer_have_one_help(help_of):
    assert help_of("show", "--help.all") == help_of("show", "--help") == help_of("--help.all", "show")


def test_help_of_the_application_is_told_by_help_all_too(help_of):
    assert help_of("--help.all") == help_of("--help") and "--help.all" in help_of("--help")
