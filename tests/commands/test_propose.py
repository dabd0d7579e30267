"""`propose`: one round without training."""

import re
import sys

import pytest

from lightning_ouro.cli import main
from lightning_ouro.loop.state import LoopState
from lightning_ouro.scenes.store import write_scene
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget

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
    assert {row["accepted"] for row in rows} <= {True, False} and len(rows) == 4 * 26
    for row in rows:
        assert row["text"] in said and row["program"] in said
        assert row["accepted"] or row["reason"] in said
    assert not (folder / "version_0" / "checkpoints").exists() and not list(folder.rglob("questions.jsonl"))
    assert "  video_form: plain\n" in (folder / "version_0" / "config.propose.yaml").read_text("utf8")


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


def test_a_checkpoint_within_a_round_gives_the_feedback_of_what_it_had_trained(run, monkeypatch, caplog):
    folder = run("fit", "--loop.proposer", "GrammarProposer", "--trainer.max_steps", "2")
    requests, asked = [], LoopState.request
    monkeypatch.setattr(LoopState, "request", lambda state: requests.append(asked(state)) or requests[-1])
    last = folder / "version_0" / "checkpoints" / "last.ckpt"
    run("propose", "--loop.proposer", "GrammarProposer", "--ckpt_path", str(last))
    assert "round 0 was not finished; the feedback is that of the 24 samples" in caplog.text
    (request,) = requests
    assert request.round_index == 1 and request.feedback.recent


def test_a_frozen_copy_proposes_without_an_adapter(run):
    folder = run("propose", "--model.lora", "null", "--loop.proposer", "FrozenCopyProposer")
    assert {row["round"] for row in lines(folder / "version_0" / "proposed.jsonl")} == {0}


def test_scenes_that_cannot_be_opened_are_named(run, tmp_path, capsys):
    for scene in procedural_scenes(0, 8):
        write_scene(scene, scene.footage.load(scene, FrameBudget(8, 64, 96)), tmp_path / "scenes" / scene.id)
    for path in (tmp_path / "scenes").glob("*/frames/000[4-7].jpg"):
        if path.parent.parent.name != "procedural-000003":
            path.write_bytes(b"cut off")
    run("propose", "--data.scenes", "scenes", "--loop.proposer", "GrammarProposer")
    output = " ".join(capsys.readouterr().out.split())
    assert (
        len(re.findall(r"skipped scene procedural-\S+: \S+0004.jpg: cannot be read as an image", output)) >= 3
    )


def test_scenes_of_a_benchmark_are_refused_as_in_training(run, shared_data, capsys):
    with pytest.raises(SystemExit):
        run("propose", "--data.scenes", str(shared_data / "scenes" / "vsi_bench_meta"))
    assert "benchmark_scenes leave_out" in capsys.readouterr().err
