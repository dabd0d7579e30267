"""`propose`: one round without training."""

import sys

import pytest

from lightning_ouro.cli import main

from ..small_run import SMALL, TINY, lines


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def command(name, *args):
        monkeypatch.setattr(sys, "argv", ["lightning_ouro", name, "--config", TINY, *SMALL, *args])
        main()
        return tmp_path / "runs" / "tiny"

    return command


def test_one_round_is_printed_and_written_and_nothing_is_trained(run, capsys):
    folder = run("propose")
    rows, said = lines(folder / "version_0" / "proposed.jsonl"), capsys.readouterr().out
    assert {row["accepted"] for row in rows} <= {True, False} and len(rows) == 40
    for row in rows:
        assert row["text"] in said and row["program"] in said
        assert row["accepted"] or row["reason"] in said
    assert not (folder / "version_0" / "checkpoints").exists() and not list(folder.rglob("questions.jsonl"))
    assert (folder / "version_0" / "config.propose.yaml").is_file()


def test_a_checkpoint_gives_the_next_rounds_feedback_and_what_was_asked(run, tmp_path):
    folder = run("fit", "--trainer.max_epochs", "1")
    asked = {row["id"] for row in lines(folder / "version_0/rounds/000/questions.jsonl")}
    last = str(folder / "version_0" / "checkpoints" / "last.ckpt")
    same = ["--trainer.logger.init_args.version", "0", "--ckpt_path", last]
    run("propose", *same)
    rows = lines(folder / "version_0" / "proposed.jsonl")
    assert {row["round"] for row in rows} == {1}
    assert not asked & {row.get("id") for row in rows}
    assert not (folder / "version_0" / "rounds" / "001").exists()
