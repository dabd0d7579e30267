"""Ctrl-C at any moment of a start: one line, exit status 130, and nothing is left."""

import signal
import subprocess
import sys

import pytest

from lightning_ouro.loop.datamodule import SceneDataModule

from .small_run import SMALL, TINY

LINE = "lightning_ouro: interrupted"
# What becomes of a KeyboardInterrupt: libraries swallow it, fail otherwise, or end the process with another status.
WAYS = {
    "it arrives": "signal.raise_signal(signal.SIGINT)",
    "it is swallowed and something else fails": """
    try: signal.raise_signal(signal.SIGINT)
    except BaseException: raise AttributeError('a module that is half made')""",
    "it becomes another status": """
    try: signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt: sys.exit(1)""",
}


def program(in_import, in_command):
    return f"""
import os, signal, sys
import lightning_ouro.cli as cli
def importing(name):
    {in_import}
    return type('Command', (), {{'main': staticmethod(running)}})
def running(args):
    {in_command}
cli.import_module = importing
cli.main(['prepare'])
print('went on')
"""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ["import", "command"])
def test_ctrl_c_ends_with_one_line_whatever_becomes_of_it(way, where):
    parts = (WAYS[way], "pass") if where == "import" else ("pass", WAYS[way])
    done = subprocess.run([sys.executable, "-c", program(*parts)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", LINE)


def test_an_import_that_swallows_ctrl_c_does_not_go_on():
    swallowed = """
    try: signal.raise_signal(signal.SIGINT)
    except BaseException: pass"""
    done = subprocess.run([sys.executable, "-c", program(swallowed, "pass")], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", LINE)


def test_a_failure_without_ctrl_c_is_told_as_ever():
    failing = program("pass", "raise AttributeError('a bug')")
    done = subprocess.run([sys.executable, "-c", failing], capture_output=True, text=True)
    assert done.returncode == 1 and "AttributeError: a bug" in done.stderr


@pytest.fixture
def handled_as_ever():
    """Lightning ignores Ctrl-C from the first one on."""
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("command", ["fit", "validate", "propose"])
@pytest.mark.usefixtures("handled_as_ever")
def test_ctrl_c_while_scenes_are_read_leaves_no_run(run, tmp_path, monkeypatch, capsys, command):
    def reading(self, show_progress, is_training=False):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(SceneDataModule, "read_scenes", reading)
    with pytest.raises(SystemExit) as stop:
        run(command, "--config", TINY, *SMALL)
    assert stop.value.code == 130 and capsys.readouterr().err.strip().splitlines()[-1] == LINE
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_IGN)
