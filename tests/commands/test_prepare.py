import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lightning_ouro.cli import main
from lightning_ouro.commands.prepare import prepare
from lightning_ouro.errors import InputError
from lightning_ouro.scenes.reading import read_scenes
from lightning_ouro.scenes.store import write_scene
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget

from ..small_run import lines

SMALL = {"num_frames": 4, "height": 96, "width": 128, "workers": 1}
BUDGET = FrameBudget(4, 96, 128)


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """Five recordings as plain folders, and a sixth whose images are missing."""
    folder = tmp_path_factory.mktemp("rooms")
    for scene in procedural_scenes(0, 6):
        write_scene(scene, scene.footage.load(scene, FrameBudget(6, 96, 128)), folder / scene.id)
    for image in (folder / "procedural-000005" / "frames").iterdir():
        image.unlink()
    return folder


@pytest.fixture(scope="module")
def store(rooms, tmp_path_factory):
    store = tmp_path_factory.mktemp("prepared") / "store"
    prepare([rooms], store, **SMALL | {"workers": 2})
    return store


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_fit_reads_the_same_from_the_store_as_from_the_recording(rooms, store):
    recorded, stored = (read_scenes([folder])[0] for folder in (rooms, store))
    assert [scene.id for scene in stored] == [scene.id for scene in recorded[:5]]
    for pair in zip(recorded[:5], stored, strict=True):
        original, copy = (scene.footage.load(scene, BUDGET) for scene in pair)
        np.testing.assert_array_equal(original.views.timestamps, copy.views.timestamps)
        np.testing.assert_array_equal(original.views.visibility, copy.views.visibility)
        np.testing.assert_allclose(original.views.intrinsics, copy.views.intrinsics, rtol=1e-12)
        assert np.abs(original.frames.astype(int) - copy.frames).mean() < 2


def test_a_bad_scene_is_skipped_and_listed_and_leaves_nothing(store):
    (line,) = (store / "skipped.jsonl").read_text("utf8").splitlines()
    skipped = json.loads(line)
    assert skipped["id"] == "procedural-000005" and "0000.jpg" in skipped["reason"]
    scenes = [f"procedural-{index:06d}" for index in range(5)]
    assert names_in(store) == [*scenes, "skipped.jsonl", "store.json"]


def test_running_again_adds_missing_scenes_and_rewrites_no_other(rooms, store, tmp_path):
    partial = tmp_path / "store"
    prepare([rooms / "procedural-000001"], partial, **SMALL)
    before = (partial / "procedural-000001" / "scene.json").stat().st_mtime_ns
    (partial / ".procedural-000002.x.part").mkdir()
    prepare([rooms], partial, **SMALL)
    assert (partial / "procedural-000001" / "scene.json").stat().st_mtime_ns == before
    assert names_in(partial) == names_in(store)


def test_a_killed_command_leaves_complete_scenes_and_can_be_resumed(rooms, store, tmp_path):
    killed = tmp_path / "store"
    program = "from pathlib import Path; from lightning_ouro.commands.prepare import prepare\n"
    program += f"prepare([Path({str(rooms)!r})], Path({str(killed)!r}), 4, 96, 128, workers=1)"
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    while not list(killed.glob("procedural-*")):
        assert process.poll() in (None, 0)
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for folder in killed.glob("procedural-*"):
        assert len(list((folder / "frames").iterdir())) == 4 and (folder / "frames.json").exists()
    prepare([rooms], killed, **SMALL)
    assert names_in(killed) == names_in(store)


def test_options_that_cannot_be_used_are_refused(rooms, store, tmp_path):
    with pytest.raises(InputError, match=r"was written with .*'num_frames': 4.* not .*'num_frames': 5"):
        prepare([rooms], store, **SMALL | {"num_frames": 5})
    with pytest.raises(InputError, match=r"workers=0 must be at least 1"):
        prepare([rooms], store, **SMALL | {"workers": 0})
    with pytest.raises(InputError, match=r"does not exist; give one of"):
        prepare([tmp_path / "none"], store, **SMALL)


def test_the_command_says_how_many_scenes_it_prepared(rooms, tmp_path, capsys):
    command = ["prepare", str(rooms), str(tmp_path / "store"), "--num_frames", "2", "--height", "64"]
    main([*command, "--workers", "1"])
    out = capsys.readouterr().out.replace("\n", " ")
    assert "5 scenes prepared" in out and "1 skipped" in out
    main([*command, "--workers", "1"])
    assert (
        "0 scenes prepared" in (out := capsys.readouterr().out.replace("\n", " "))
        and "5 already there" in out
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["ROOMS"], "store"),
        (["none", "store"], "does not exist"),
        (["ROOMS", "store", "--num_frames", "many"], "num_frames"),
        (["ROOMS", "store", "--num_frames", "0"], "lightning_ouro: num_frames=0"),
        (["ROOMS", "store", "--height", "0"], "lightning_ouro: height=0"),
    ],
)
def test_bad_input_ends_with_one_line(rooms, tmp_path, monkeypatch, capsys, args, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_info:
        main(["prepare", *(str(rooms) if arg == "ROOMS" else arg for arg in args)])
    error = capsys.readouterr().err
    assert exit_info.value.code == 2 and message in error and error.count("\n") == 1


def test_recordings_are_prepared_without_importing_torch(rooms, tmp_path):
    program = (
        "import sys; from pathlib import Path; from lightning_ouro.commands.prepare import prepare\n"
        f"prepare([Path({str(rooms)!r})], Path({str(tmp_path / 'store')!r}), 2, 96, 128, workers=1)\n"
        "assert not {'torch', 'transformers', 'lightning'} & sys.modules.keys()"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert len(names_in(tmp_path / "store")) == 7


@pytest.mark.parametrize("name", ["[old] rooms", "[/old]", "[red]", ":bed:"])
def test_brackets_and_colons_in_paths_are_no_markup(rooms, tmp_path, capsys, name):
    store = tmp_path / name / "store"
    prepare([rooms / "procedural-000000"], store, **SMALL)
    assert f"1 scenes prepared in {store}, 0 already there" in capsys.readouterr().out


def test_a_second_data_set_leaves_the_first_ones_skipped_scenes_listed(rooms, tmp_path):
    both, others = tmp_path / "store", tmp_path / "others"
    broken = rooms / "procedural-000005"
    shutil.copytree(broken, others / "mine")
    for folder, listed in (
        (broken, [broken.name]),
        (others, ["mine", broken.name]),
        (broken, ["mine", broken.name]),
    ):
        with pytest.raises(InputError, match="none of 1 scenes is usable"):
            prepare([folder], both, **SMALL)
        assert [row["id"] for row in lines(both / "skipped.jsonl")] == listed
    shutil.rmtree(others / "mine")
    shutil.copytree(rooms / "procedural-000000", others / "mine")
    prepare([others], both, **SMALL)
    assert [row["id"] for row in lines(both / "skipped.jsonl")] == [broken.name], (
        "a mended scene is listed no more"
    )


def test_a_list_of_skipped_scenes_that_is_none_is_refused_before_the_work(rooms, tmp_path):
    prepare([rooms / "procedural-000000"], tmp_path / "store", **SMALL)
    (tmp_path / "store" / "skipped.jsonl").write_text("[1]\n")
    with pytest.raises(InputError, match=r"skipped\.jsonl: is not a list of skipped scenes"):
        prepare([rooms / "procedural-000001"], tmp_path / "store", **SMALL)
    assert not (tmp_path / "store" / "procedural-000001").exists()


def test_a_data_set_without_a_usable_scene_is_an_error(rooms, tmp_path):
    only = tmp_path / "only"
    shutil.copytree(rooms / "procedural-000005", only / "procedural-000005")
    with pytest.raises(InputError, match=r"none of 1 scenes is usable.*skipped\.jsonl; the first: "):
        prepare([only], tmp_path / "store", **SMALL)
    assert (tmp_path / "store" / "skipped.jsonl").read_text().count("\n") == 1


def test_a_system_that_cannot_tell_its_cpus_uses_all(rooms, tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS and Windows
    prepare([rooms / "procedural-000000"], tmp_path / "store", **SMALL | {"workers": None})
    assert (tmp_path / "store" / "procedural-000000").is_dir()
