"""The command line: help, light commands, and what every option says."""

import inspect
import resource
import subprocess
import sys

import docstring_parser
import pytest

from lightning_ouro.cli import main
from lightning_ouro.commands.prepare import prepare
from lightning_ouro.commands.show import show
from lightning_ouro.loop.callback import ClosedLoop
from lightning_ouro.loop.datamodule import SceneDataModule
from lightning_ouro.proposer import all_proposers
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.feature_cache import FeatureSettings
from lightning_ouro.solver.loading import Lora
from lightning_ouro.solver.module import SolverModule

LIGHT = {
    "--help": ["--help"],
    "--version": ["--version"],
    "prepare": ["prepare", "--help"],
    "show": ["show", "--help"],
}


@pytest.mark.parametrize("name", LIGHT)
def test_light_commands_start_without_torch(name):
    program = f"""
import sys
from lightning_ouro.cli import main
try:
    main({LIGHT[name]!r})
except SystemExit as stop:
    assert not stop.code
assert not {{"torch", "lightning", "transformers"}} & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout or "lightning_ouro 0" in done.stdout


def cpu_seconds(*command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_take_less_than_a_second_more_than_python_itself(option):
    bare = min(cpu_seconds("-c", "pass") for _ in range(3))
    assert min(cpu_seconds("-m", "lightning_ouro", option) for _ in range(3)) - bare < 1


OPTIONS = [ClosedLoop, SceneDataModule, SolverModule, Lora, FeatureSettings, FrameBudget, prepare, show]
OPTIONS += [getattr(all_proposers, name) for name in all_proposers.__all__]


@pytest.mark.parametrize("owner", OPTIONS, ids=lambda owner: owner.__name__)
def test_every_option_has_a_help_text(owner):
    documented = {
        item.arg_name for item in docstring_parser.parse(inspect.getdoc(owner)).params if item.description
    }
    assert documented == set(inspect.signature(owner).parameters)


def test_help_shows_the_text_of_the_loops_and_the_datas_options(run, capsys):
    with pytest.raises(SystemExit):
        run("fit", "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "Train in the closed loop" in text
    assert "Filter for questions that can be answered without the video" in text
    assert "Maximum number of questions packed after one copy of a scene's video" in text


def test_help_lists_every_command(capsys):
    main(["--help"])
    text = capsys.readouterr().out
    for name in ("fit", "validate", "test", "predict", "propose", "prepare", "show", "bootstrap"):
        assert f"  {name} " in text


def test_help_of_a_command_may_be_asked_for_in_either_order(capsys):
    texts = []
    for words in (["--help", "show"], ["-h", "show"], ["show", "--help"]):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert not stop.value.code
        texts.append(capsys.readouterr().out)
    assert "--num_frames" in texts[0] and len(set(texts)) == 1
