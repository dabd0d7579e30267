import subprocess
import sys

import pytest
from PIL import Image

from lightning_ouro.cli import main
from lightning_ouro.scenes.store import write_scene
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget


@pytest.fixture(scope="module")
def scene():
    return procedural_scene(4)


@pytest.fixture(scope="module")
def video(scene):
    return scene.footage.load(scene, FrameBudget(4, 192, 256))


def test_show_writes_an_image_of_the_requested_scene(scene, video, tmp_path, capsys):
    write_scene(scene, video, tmp_path / "a")
    write_scene(procedural_scene(5), video, tmp_path / "b")
    out = tmp_path / "new" / "sheet.png"
    main(["show", str(tmp_path), "--id", "a", "--out", str(out), "--num_frames", "2", "--width", "800"])
    with Image.open(out) as image:
        assert image.size[0] > 600
    assert "procedural-000004" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["none"], "none: does not exist"),
        (["rooms", "--id", "x"], "holds no scene x"),
        (["rooms", "--num_frames", "0"], "num_frames=0"),
        (["rooms", "--width", "399"], "width=399"),
        (["rooms", "--width", "400", "--num_frames", "5000"], "num_frames=5000 do not fit in width=400"),
        (["rooms", "--out", "rooms/a/scene.json/x.png"], "cannot be written"),
        (["rooms", "--out", "sheet.nonsense"], "cannot be written as an image"),
        (["rooms/empty"], "holds no scene in a known layout"),
    ],
)
def test_bad_input_ends_with_one_line(scene, video, tmp_path, monkeypatch, capsys, args, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rooms" / "empty").mkdir(parents=True)
    write_scene(scene, video, tmp_path / "rooms" / "a")
    with pytest.raises(SystemExit) as exit_info:
        main(["show", *args])
    error = capsys.readouterr().err
    assert exit_info.value.code == 2 and message in error and error.count("\n") == 1


def test_an_image_that_exists_is_replaced_only_on_request(scene, video, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_scene(scene, video, tmp_path / "a")
    command = ["show", "a", "--num_frames", "1", "--width", "400"]
    (tmp_path / "scene.png").write_bytes(b"a photo of my own")
    for words in ([], ["--overwrite", "false"], ["--overwrite=false"]):
        with pytest.raises(SystemExit) as stop:
            main([*command, *words])
        error = capsys.readouterr().err
        assert stop.value.code == 2 and error.count("\n") == 1
        assert "scene.png already exists" in error and "--overwrite" in error
        assert (tmp_path / "scene.png").read_bytes() == b"a photo of my own"
    for words in (["--overwrite"], ["--overwrite", "true"], ["--overwrite=true", "--out", "scene.png"]):
        main([*command, *words])
        assert capsys.readouterr().out.startswith("scene.png (replaced): scene procedural")
    main([*command, "--overwrite", "--out", "new.png"])
    assert capsys.readouterr().out.startswith("new.png: scene procedural")


def test_a_link_that_leads_nowhere_is_not_replaced_either(scene, video, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_scene(scene, video, tmp_path / "a")
    (tmp_path / "scene.png").symlink_to(tmp_path / "a disk that is not mounted" / "scene.png")
    with pytest.raises(SystemExit):
        main(["show", "a"])
    assert "scene.png already exists" in capsys.readouterr().err


def test_a_recorded_scene_is_shown_without_importing_torch(scene, video, tmp_path):
    write_scene(scene, video, tmp_path / "a")
    program = (
        "import sys; from pathlib import Path; from lightning_ouro.commands.show import show\n"
        f"show(Path({str(tmp_path)!r}), out=Path({str(tmp_path / 'sheet.png')!r}), num_frames=2)\n"
        "assert not {'torch', 'transformers', 'lightning'} & sys.modules.keys()"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "sheet.png").is_file()
