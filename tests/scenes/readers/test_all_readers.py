"""All data sets side by side: each is found by its own reader, prepared, drawn, and trained on."""

import sys

import numpy as np
import pytest

from lightning_ouro.cli import main
from lightning_ouro.commands.prepare import prepare
from lightning_ouro.errors import InputError
from lightning_ouro.scenes.readers.all_readers import all_readers
from lightning_ouro.scenes.reading import locate, read_scenes
from lightning_ouro.scenes.store import write_scene
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import film, same_box
from tests.scenes.readers.write_arkitscenes import write_3dod
from tests.scenes.readers.write_scannet import write_everything
from tests.scenes.readers.write_scannetpp import write_filmed
from tests.small_run import SMALL, TINY, lines

NAMES = ["arkitscenes", "folder", "scannet", "scannetpp"]


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """A root with one scene in the layout of each data set."""
    base = tmp_path_factory.mktemp("roots")
    write_everything(base / "scannet", film(5, 6, 120, 160))
    write_filmed(base / "scannetpp")
    write_3dod(base / "arkitscenes", film(8, 6, 120, 160))
    own = film(9, 6, 96, 128).scene
    write_scene(own, own.footage.load(own, FrameBudget(6, 96, 128)), base / "folder" / "kitchen")
    return base


@pytest.mark.parametrize("name", NAMES)
def test_only_its_own_reader_finds_a_layout(roots, name):
    assert [reader.source for reader in all_readers() if reader.find(roots / name)] == [name]


def test_the_parent_folder_of_all_roots_holds_no_scene(roots):
    with pytest.raises(InputError, match="holds no scene in a known layout"):
        locate([roots])


@pytest.mark.parametrize("name", NAMES)
def test_a_store_gives_the_same_scene_as_the_raw_layout(roots, name, tmp_path):
    prepare([roots / name], tmp_path / "store", 4, 96, 128, workers=1)
    (raw,), _ = read_scenes([roots / name])
    (stored,), _ = read_scenes([tmp_path / "store"])
    assert (raw.id, raw.source, raw.counts, raw.complete) == (
        stored.id,
        stored.source,
        stored.counts,
        stored.complete,
    )
    assert raw.floor_area == stored.floor_area and raw.benchmarks == stored.benchmarks
    assert all(same_box(*pair, 1e-9) for pair in zip(raw.objects, stored.objects, strict=True))
    raw_video, stored_video = (scene.footage.load(scene, FrameBudget(4, 96, 128)) for scene in (raw, stored))
    np.testing.assert_allclose(raw_video.views.timestamps, stored_video.views.timestamps)
    np.testing.assert_allclose(raw_video.views.poses, stored_video.views.poses)
    np.testing.assert_allclose(raw_video.views.intrinsics, stored_video.views.intrinsics)
    np.testing.assert_array_equal(raw_video.views.visibility, stored_video.views.visibility)
    assert np.abs(raw_video.frames.astype(int) - stored_video.frames).mean() < 3  # JPEG


@pytest.mark.parametrize("name", NAMES)
def test_show_draws_a_scene_of_each_data_set(roots, name, tmp_path, capsys):
    main(
        [
            "show",
            str(roots / name),
            "--out",
            str(tmp_path / "sheet.png"),
            "--num_frames",
            "2",
            "--width",
            "600",
        ]
    )
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
    assert "objects, 2 frames" in capsys.readouterr().out


def test_one_run_trains_on_all_data_sets(roots, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [str(roots / name) for name in NAMES]
    options = ["--data.num_train_scenes", "4", "--data.num_val_scenes", "0", "--data.num_test_scenes", "0"]
    options += ["--loop.proposer", "GrammarProposer"]  # which finds what little can be asked about each
    options += [
        "--trainer.max_epochs",
        "1",
        "--data.benchmark_scenes",
        "allow",
        "--data.frames.num_frames",
        "4",
    ]
    monkeypatch.setattr(
        sys, "argv", ["lightning_ouro", "fit", "--config", TINY, *SMALL, *options, "--data.scenes", *paths]
    )
    with pytest.warns(UserWarning, match="across ranks is zero"):  # nothing is held out
        main()
    questions = lines(tmp_path / "runs" / "tiny" / "version_0" / "rounds" / "000" / "questions.jsonl")
    ids = {scene.id for name in NAMES for scene in read_scenes([roots / name])[0]}
    assert {row["scene_id"] for row in questions} == ids and len(ids) == 4
