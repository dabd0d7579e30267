"""Turning the loop with proposers that fall silent or write nonsense, with bad scenes, and on two ranks."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lightning_ouro.loop.callback import ClosedLoop
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.protocol import Proposer, frozen_base
from lightning_ouro.scenes.store import write_scene
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.features import VisionTower

from ..small_run import SMALL, TINY, lines
from ..solver.two_ranks import run_on_two_ranks

BROKEN = {
    "syntax": "def answer(scene:\n    return count(1)\n",
    "runtime": "def answer(scene):\n    return count(1 // 0)\n",
    "untyped": "def answer(scene):\n    return 3\n",
    "range": "def answer(scene):\n    return metres(float('nan'))\n",
    "limit": "def answer(scene):\n    return answer(scene)\n",
    "disagrees": "def answer(scene):\n    return metres(1.2345)\n",
}


class OnlyInTheFirstRound(Proposer):
    """Has nothing left to ask after round 0."""

    name = "first_round"

    def attach(self, solver):
        pass

    def base(self, solver):
        return frozen_base(solver)

    def propose(self, briefs, title="", show_progress=False):
        return GrammarProposer().propose([brief for brief in briefs if brief.round == 0])


class PartlyBroken(Proposer):
    """Every second proposal of a scene gets a program that is wrong in one of the known ways."""

    name = "partly_broken"

    def attach(self, solver):
        pass

    def base(self, solver):
        return frozen_base(solver)

    def propose(self, briefs, title="", show_progress=False):
        proposals = GrammarProposer().propose(briefs)
        programs = list(BROKEN.values())
        return [
            replace(p, program=programs[p.slot // 2 % len(programs)]) if p.slot % 2 else p for p in proposals
        ]


class AllBroken(PartlyBroken):
    """Every program fails."""

    def propose(self, briefs, title="", show_progress=False):
        return [replace(p, program=BROKEN["syntax"]) for p in super().propose(briefs)]


@pytest.fixture
def fit(run, tmp_path):
    """A small run with other options; gives its folder."""

    def command(*args):
        run("fit", "--config", TINY, *SMALL, *args)
        return tmp_path / "runs" / "tiny" / "version_0"

    return command


def test_a_later_round_without_new_questions_trains_on_the_pool_and_says_so(fit, capsys):
    folder = fit("--loop.proposer", f"{__name__}.OnlyInTheFirstRound")
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(
        r"round 1: no new questions; training continues on the \d+ questions already in the pool", said
    )
    assert lines(folder / "rounds" / "001" / "questions.jsonl") == []
    assert sum(row["drawn"] for row in lines(folder / "rounds" / "001" / "selection.jsonl")) == 36


def test_the_measured_peak_of_the_first_step_is_printed_beside_the_estimate(fit, capsys):
    fit("--loop.proposer", "GrammarProposer", "--trainer.max_epochs", "1")
    text = " ".join(capsys.readouterr().out.split())
    assert " on one device" in text
    measured = re.findall(
        r"peak memory up to the end of the first step: ([\d.]+) GB \(the whole process so far\)", text
    )
    assert len(measured) == 1 and 0.2 < float(measured[0]) < 20


def test_a_rounds_table_has_no_scores_of_before_the_round(fit, capsys):
    fit("--loop.proposer", "GrammarProposer", "--trainer.check_val_every_n_epoch", "2")
    _, first, second = capsys.readouterr().out.split("median skill")
    assert "not validated" in first and "not validated" not in second


def test_a_program_that_fails_is_a_rejection_with_its_reason(fit):
    folder = fit(
        *(
            "--loop.proposer",
            f"{__name__}.PartlyBroken",
            "--loop.proposals_per_scene",
            "14",
            "--trainer.max_epochs",
            "1",
        )
    )
    rejections = lines(folder / "rounds" / "000" / "rejections.jsonl")
    found = Counter(row["reason"] for row in rejections)
    assert set(BROKEN) <= set(found)
    for row in rejections:
        assert (
            row["reason"] in ("common", "blind", "unstable")
            or BROKEN[row["reason"]] == row["proposal"]["program"]
        )


def test_a_first_round_without_questions_ends_with_the_reasons_counted(fit, capsys):
    with pytest.raises(SystemExit):
        fit("--loop.proposer", f"{__name__}.AllBroken")
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(
        r"round 0: none of (\d+) proposals was accepted \(\{'syntax': \1\}\); give more or richer", last
    )


def test_a_bad_scene_among_good_ones_is_skipped_and_listed(fit, shared_data, tmp_path, capsys):
    scenes = json.loads(
        (shared_data / "scenes/vsi_bench_meta/arkitscenes_meta_info_val.json").read_text("utf8")
    )
    chosen = dict(sorted(scenes.items(), key=lambda item: -len(item[1]["object_counts"]))[:12])
    ids = list(chosen)
    for place, field, number in ((0, "axesLengths", -0.5), (1, "centroid", float("nan"))):
        for boxes in chosen[ids[place]]["object_bbox"].values():
            for box in boxes:
                box[field][0] = number
    chosen[ids[2]] |= {"object_bbox": {}, "object_counts": {}}
    (tmp_path / "rooms.json").write_text(json.dumps(chosen))
    fit("--data.scenes", "rooms.json", "--data.benchmark_scenes", "allow", "--trainer.max_epochs", "1")
    said = capsys.readouterr().out
    for scene_id in ids[:3]:
        assert f"skipped scene {scene_id}: " in said
    assert "[nan, " in said, "brackets are no markup"


def test_what_is_said_is_no_markup(capsys):
    ClosedLoop(GrammarProposer())._say("scene[old]:bed: [/x]")
    assert capsys.readouterr().out == "scene[old]:bed: [/x]\n"


def test_scenes_of_a_benchmark_are_refused_by_name(fit, shared_data, capsys):
    with pytest.raises(SystemExit):
        fit("--data.scenes", str(shared_data / "scenes" / "vsi_bench_meta"), "--data.num_train_scenes", "3")
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "3 training scenes" in last and "VSI-Bench" in last and "benchmark_scenes leave_out" in last


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Twelve recorded rooms, of which four lost half of their frames."""
    folder = tmp_path_factory.mktemp("recordings")
    for number, scene in enumerate(procedural_scenes(0, 12)):
        write_scene(scene, scene.footage.load(scene, FrameBudget(8, 64, 96)), folder / scene.id)
        if number % 3 == 0:
            for frame in range(4, 8):
                (folder / scene.id / "frames" / f"000{frame}.jpg").write_bytes(b"cut off")
    return folder


def test_scenes_whose_footage_is_broken_are_skipped_and_the_run_goes_on(fit, recordings, capsys):
    folder = fit("--data.scenes", str(recordings))
    broken = {f"procedural-{number:06d}" for number in range(0, 12, 3)}
    told = re.findall(
        r"skipped scene (\S+): \S+0004.jpg: cannot be read as an image", capsys.readouterr().out
    )
    assert told and set(told) <= broken
    for round in ("000", "001"):
        asked = {row["scene_id"] for row in lines(folder / "rounds" / round / "questions.jsonl")}
        assert asked and not asked & broken


def test_what_was_allowed_is_in_the_runs_record(fit, shared_data):
    paths = [str(shared_data / "scenes" / "vsi_bench_meta")]
    folder = fit(
        *("--data.scenes", *paths, "--data.benchmark_scenes", "allow", "--data.num_train_scenes", "3"),
        *("--trainer.max_epochs", "1"),
    )
    assert "benchmark_scenes: allow" in (folder / "config.fit.yaml").read_text("utf8")


def test_a_frozen_copy_asks_and_judges_where_all_weights_are_trained(fit):
    everything = ("--model.lora", "null", "--loop.proposer", "FrozenCopyProposer")
    folder = fit(*everything, "--trainer.max_epochs", "1")
    rejections = lines(folder / "rounds" / "000" / "rejections.jsonl")
    assert {row["proposal"]["proposer"] for row in rejections} == {"frozen_copy"}


def test_a_frozen_tower_sees_each_video_once_a_run(fit, monkeypatch):
    """Two rounds, validation behind one's own and another's video, and replies, all from one pass of the tower.

    A video without the objects that are asked for has other pixels, so it is another video.
    """
    seen = []
    encoded = VisionTower._encoded

    def noted(self, videos):
        seen.extend(video.frames.tobytes() for video in videos)
        return encoded(self, videos)

    monkeypatch.setattr(VisionTower, "_encoded", noted)
    fit("--loop.proposer", f"{__name__}.OnlyInTheFirstRound", "--data.query_drops_per_scene", "0")
    assert len(seen) == len(set(seen)) == 4 + 2  # training and validation scenes
    scenes = seen.copy()
    seen.clear()
    fit("--loop.proposer", f"{__name__}.OnlyInTheFirstRound", "--data.eval_questions_per_scene", "12")
    assert len(seen) == len(set(seen)) > len(scenes) and set(seen) > set(scenes)


def test_a_trained_tower_is_asked_in_every_pass(fit, monkeypatch):
    calls = []
    encoded = VisionTower._encoded
    monkeypatch.setattr(
        VisionTower, "_encoded", lambda self, videos: calls.append(len(videos)) or encoded(self, videos)
    )
    whole = ("--model.lora", "null", "--loop.proposer", "GrammarProposer", "--loop.blind", "none")
    fit("--trainer.max_epochs", "1", *whole)
    assert sum(calls) > 6


def test_resuming_within_a_round_goes_on_as_if_never_stopped(fit, tmp_path):
    """The checkpoint of step 4 lies inside round 1, that of step 3 on the last batch of round 0."""
    often = ["--checkpoint.every_n_train_steps", "1", "--checkpoint.save_top_k", "-1"]
    often += ["--checkpoint.save_on_train_epoch_end", "false"]
    whole = fit(*often)
    for step in (4, 3):
        part = tmp_path / f"part{step}"
        shutil.copytree(whole, part)
        shutil.rmtree(part / "rounds" / "001")
        shutil.rmtree(part / "checkpoints")
        checkpoint = next((whole / "checkpoints").glob(f"*step={step}.ckpt"))
        if step == 3:
            (
                part / "rounds" / "000" / "selection.jsonl"
            ).unlink()  # a kill there comes before the round is closed
        else:
            shutil.copytree(whole / "rounds" / "001", part / "rounds" / "001")
        logger = [
            "--trainer.logger.init_args.save_dir",
            str(tmp_path),
            "--trainer.logger.init_args.name",
            part.name,
        ]
        fit(*often, *logger, "--trainer.logger.init_args.version", ".", "--ckpt_path", str(checkpoint))
        mine, theirs = (torch.load(f / "checkpoints" / "last.ckpt", weights_only=True) for f in (part, whole))
        assert all(
            torch.equal(value, theirs["state_dict"][name]) for name, value in mine["state_dict"].items()
        )
        assert mine["callbacks"]["ClosedLoop"] == theirs["callbacks"]["ClosedLoop"]
        for file in (whole / "rounds").rglob("*.jsonl"):
            assert (part / file.relative_to(whole)).read_bytes() == file.read_bytes(), file


def test_two_ranks_make_the_same_pool_and_cover_the_same_plan(tmp_path, run):
    """Two processes over gloo; the model asks, and judges."""
    runs = {}
    for devices in ("1", "2"):
        options = ["--trainer.devices", devices, "--trainer.strategy", "ddp" if devices == "2" else "auto"]
        options += ["--trainer.max_epochs", "1", "--loop.proposals_per_scene", "20"]
        options = ["--config", TINY, *SMALL, *options, "--trainer.logger.init_args.version", "0"]
        judged = ["--loop.blind", "judge", "--trainer.logger.init_args.name", "judged"]
        runs[devices] = [["fit", *options], ["propose", *options, *judged]]
    for devices in runs:
        (tmp_path / devices).mkdir()
    run_on_two_ranks(runs["2"], tmp_path / "2")
    for command in runs["1"]:
        run(*command)
    (tmp_path / "runs").rename(tmp_path / "1/runs")
    one, two = (tmp_path / devices / "runs/tiny/version_0/rounds" for devices in ("1", "2"))
    assert {row["proposal"]["proposer"] for row in lines(one / "000/rejections.jsonl")} == {"model"}
    for name in ("000/questions.jsonl", "000/rejections.jsonl"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    judged = [tmp_path / devices / "runs/judged/version_0/proposed.jsonl" for devices in ("1", "2")]
    assert judged[0].read_bytes() == judged[1].read_bytes()
    mine, theirs = lines(one / "000/selection.jsonl"), lines(two / "000/selection.jsonl")
    assert [row["drawn"] for row in mine] == [row["drawn"] for row in theirs]
    for row, other in zip(mine, theirs, strict=True):
        assert row["confidence"].keys() == other["confidence"].keys()
        for round in row["confidence"]:
            assert row["confidence"][round] == pytest.approx(other["confidence"][round], abs=2e-4)


def test_the_entry_point_runs_from_anywhere():
    done = subprocess.run(
        [sys.executable, "-m", "lightning_ouro", "--help"], capture_output=True, text=True, cwd=Path("/")
    )
    assert done.returncode == 0 and "fit" in done.stdout
