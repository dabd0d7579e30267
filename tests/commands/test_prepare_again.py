"""A store says what it was made from: what has changed is made again, and nothing else."""

import json
import os
import shutil

import numpy as np
import pytest

from lightning_ouro.commands.prepare import prepare
from lightning_ouro.errors import InputError
from lightning_ouro.scenes import made_from
from lightning_ouro.scenes.reading import read_scenes
from tests.scenes.readers.film import film
from tests.scenes.readers.write_folder_video import entries, even
from tests.scenes.readers.write_folder_video import filmed as filmed_video
from tests.scenes.readers.write_plain_folder import write
from tests.scenes.readers.write_scannet import write_everything

from ..small_run import lines

SMALL = {"num_frames": 3, "height": 64, "width": 96, "workers": 1}


@pytest.fixture
def store(rooms, tmp_path):
    prepare([rooms], tmp_path / "store", **SMALL)
    return tmp_path / "store"


def mend(file, change):
    record = json.loads(file.read_text())
    change(record)
    file.write_text(json.dumps(record))


def widen(record):
    record["objects"][0]["size"] = [3.0, 1.0, 0.8]


def made_at(store):
    return {path.parent.name: path.stat().st_mtime_ns for path in store.glob("*/scene.json")}


def changed(before, store):
    after = made_at(store)
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_a_mended_box_reaches_the_store_and_the_other_scene_is_kept(rooms, store, capsys):
    before = made_at(store)
    mend(rooms / "a" / "scene.json", widen)
    capsys.readouterr()
    prepare([rooms], store, **SMALL)
    assert changed(before, store) == {"a"}
    assert json.loads((store / "a" / "scene.json").read_text())["objects"][0]["size"] == [3.0, 1.0, 0.8]
    assert "0 scenes prepared in" in (out := capsys.readouterr().out)
    assert "1 made again because their files had changed, 1 already there" in out


@pytest.mark.parametrize("kind", ["frames", "depth"])
def test_a_picture_that_was_replaced_is_noticed(rooms, store, kind):
    before = made_at(store)
    shutil.copy(rooms / "a" / kind / "0.png", rooms / "a" / kind / "3.png")
    prepare([rooms], store, **SMALL)
    assert changed(before, store) == {"a"}


def replaced(file, content, in_place):
    """Replaces a file by one of the same size and time, as `cp -p` and rsync write it."""
    status = file.stat()
    assert len(content) == status.st_size and content != file.read_bytes()
    if not in_place:
        file.unlink()
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_mtime_ns == status.st_mtime_ns


def padded(content, size):
    """A PNG as long as another file; what follows its end is ignored."""
    return content + bytes(size - len(content))


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("kind", ["frames", "depth"])
def test_a_picture_replaced_by_one_of_the_same_size_and_time_is_noticed(rooms, tmp_path, kind, in_place):
    files = [rooms / "a" / kind / f"{index}.png" for index in (0, 3)]
    size = max(file.stat().st_size for file in files)
    for file in files:
        file.write_bytes(padded(file.read_bytes(), size))
    prepare([rooms], tmp_path / "store", **SMALL)
    before = made_at(tmp_path / "store")
    replaced(files[1], files[0].read_bytes(), in_place)
    prepare([rooms], tmp_path / "store", **SMALL)
    assert changed(before, tmp_path / "store") == {"a"}


def test_a_large_file_replaced_by_its_like_is_noticed_by_its_parts(rooms, store):
    film = rooms / "b" / "film.bin"
    film.write_bytes(bytes(1 << 20))
    prepare([rooms], store, **SMALL)
    before = made_at(store)
    replaced(film, bytes((1 << 20) - 1) + b"x", True)  # its end
    prepare([rooms], store, **SMALL)
    assert changed(before, store) == {"b"}


def test_a_copy_of_a_data_set_is_the_same_and_its_files_are_read_once(rooms, store, tmp_path, monkeypatch):
    read, whole = [], made_from.samples
    monkeypatch.setattr(made_from, "samples", lambda file, *part: read.append(file) or whole(file, *part))
    before = made_at(store)
    prepare([rooms], store, **SMALL)
    assert not read  # nothing was touched
    shutil.copytree(rooms, tmp_path / "copy")  # with its times, as on another disk
    for number in (2 * (4 + 4), 0):
        prepare([tmp_path / "copy"], store, **SMALL)
        assert not changed(before, store)
        assert len(read) == number
        read.clear()


def test_files_whose_entries_alone_changed_are_the_same(rooms, store):
    before = made_at(store)
    for file in (rooms / "a" / "frames").iterdir():
        file.chmod(0o600)
    prepare([rooms], store, **SMALL)
    assert not changed(before, store)


def test_a_record_of_an_earlier_version_is_believed_once(rooms, store):
    def forget(record):
        del record["origin"]["entries"], record["origin"]["contents"]

    file, before = store / "a" / "made_from.json", made_at(store)
    mend(file, forget)
    prepare([rooms], store, **SMALL)
    assert not changed(before, store)
    assert json.loads(file.read_text())["origin"]["contents"]


def test_a_word_mended_without_a_trace_in_size_and_time_is_noticed(rooms, store):
    file, before = rooms / "b" / "frames.json", made_at(store)
    status, text = file.stat(), file.read_text()
    file.write_text(text.replace('"depth_unit": 0.0005', '"depth_unit": 0.0006'))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_size == status.st_size
    prepare([rooms], store, **SMALL)
    assert changed(before, store) == {"b"}


def test_a_moved_data_set_is_the_same(rooms, store, tmp_path):
    before = made_at(store)
    rooms.rename(tmp_path / "elsewhere")
    prepare([tmp_path / "elsewhere"], store, **SMALL)
    assert not changed(before, store)


def test_another_scene_of_the_same_name_replaces_none(rooms, store, tmp_path, filmed):
    write(tmp_path / "others" / "a", filmed, change=lambda scene, frames: widen(scene))
    before = made_at(store)
    with pytest.raises(InputError, match=r"others/a: .*store/a was made from .*rooms/a, whose annotation"):
        prepare([tmp_path / "others"], store, **SMALL)
    assert not changed(before, store)
    prepare([tmp_path / "others"], store, **SMALL, rebuild=True)
    assert changed(before, store) == {"a"}


def test_two_scenes_of_one_name_in_one_command_are_named(rooms, tmp_path, filmed):
    write(tmp_path / "others" / "a", filmed, change=lambda scene, frames: widen(scene))
    prepare([rooms, tmp_path / "others", rooms / "b"], tmp_path / "new", **SMALL)
    (row,) = lines(tmp_path / "new" / "skipped.jsonl")
    assert f"others/a: has the same name as {rooms / 'a'}" in row["reason"]


def test_a_scene_that_broke_leaves_no_old_boxes_behind(rooms, store):
    mend(rooms / "a" / "scene.json", lambda record: record.update(objects="sofa"))
    prepare([rooms], store, **SMALL)
    assert set(made_at(store)) == {"b"}
    (row,) = lines(store / "skipped.jsonl")
    assert "objects is 'sofa'" in row["reason"] and "was removed" in row["reason"]


def test_rebuild_makes_all_again_with_other_options(rooms, store):
    before = made_at(store)
    with pytest.raises(InputError, match=r"--rebuild was not given the paths of all.*: b is missing"):
        prepare([rooms / "a"], store, **SMALL | {"num_frames": 2}, rebuild=True)
    prepare([rooms], store, **SMALL | {"num_frames": 2}, rebuild=True)
    assert changed(before, store) == {"a", "b"}
    assert [len(list((store / name / "frames").iterdir())) for name in "ab"] == [2, 2]


def test_a_rebuild_that_was_killed_is_gone_on_with(rooms, store):
    prepare([rooms], store, **SMALL | {"num_frames": 2}, rebuild=True)
    mend(store / "b" / "made_from.json", lambda record: record["options"].update(num_frames=3))
    before = made_at(store)
    prepare([rooms], store, **SMALL | {"num_frames": 2})
    assert changed(before, store) == {"b"}


def test_a_scene_that_does_not_say_what_it_was_made_from_is_made_again(rooms, store):
    before = made_at(store)
    for name, content in (("a", None), ("b", "[1]")):
        (store / name / "made_from.json").unlink()
        if content is not None:
            (store / name / "made_from.json").write_text(content)
    prepare([rooms], store, **SMALL)
    assert changed(before, store) == {"a", "b"}


def test_a_scene_whose_folder_is_gone_is_named(rooms, store, capsys):
    shutil.rmtree(rooms / "b")
    prepare([rooms], store, **SMALL)
    assert "still in the store, but no longer where they came from: b" in capsys.readouterr().out


def test_a_store_inside_of_its_recording_is_no_part_of_it(rooms):
    store = rooms / "a" / "store"
    prepare([rooms / "a"], store, **SMALL)
    before = made_at(store)
    prepare([rooms / "a"], store, **SMALL)
    assert not changed(before, store)


def test_another_table_of_labels_beside_the_scans_is_noticed(tmp_path):
    root = write_everything(tmp_path / "scannet", film(frames=3, height=60, width=80))
    store = tmp_path / "store"
    prepare([root], store, **SMALL)
    before = made_at(store)
    prepare([root], store, **SMALL)
    assert not changed(before, store)
    table = root / "scannetv2-labels.combined.tsv"
    table.write_text(table.read_text() + "1\tx\tx\t1\t1\t1\tx\tx\n" if table.exists() else "")
    table.write_text("id\traw_category\tnyu40class\n1\tlamp\ttable\n")
    prepare([root], store, **SMALL)
    assert changed(before, store) == {"scene0000_00"}


def test_the_table_counts_what_is_ever_seen(rooms, store, capsys):
    (scene,) = read_scenes([rooms / "a"])[0]
    shares = [frame["shares"] for frame in json.loads((store / "a" / "frames.json").read_text())["frames"]]
    seen = {name for frame in shares for name, share in frame.items() if share >= 0.003}
    mend(rooms / "a" / "scene.json", lambda record: record["objects"].append(dict(BEHIND)))
    prepare([rooms], store, **SMALL)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    number = len(scene.objects) + 1
    assert ["a", str(number), str(len(seen)), "0"] in rows
    total = f"2 scenes with {2 * number - 1} objects, {2 * len(seen)} of which are ever seen; 0 warnings"
    assert total.split() in rows


BEHIND = {"category": "globe", "center": [900.0, 900.0, 0.5], "size": [0.1, 0.1, 0.1]}


def test_the_table_of_many_scenes_shows_those_that_need_a_look(tmp_path, filmed, monkeypatch, capsys):
    monkeypatch.setattr("lightning_ouro.commands.prepare._LONGEST_TABLE", 2)

    def blind(scene, frames):
        scene["objects"] = [dict(BEHIND)]

    for name in "abc":
        write(tmp_path / "rooms" / name, filmed, change=blind if name == "c" else lambda scene, frames: None)
    prepare([tmp_path / "rooms"], tmp_path / "store", **SMALL)
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if line[:2] in ("a ", "b ", "c ")] == ["a", "c"]
    assert "… and 1 more" in out


def test_frames_are_unchanged_where_only_boxes_changed(rooms, store):
    before = np.frombuffer((store / "a" / "frames" / "0001.jpg").read_bytes(), np.uint8)
    mend(rooms / "a" / "scene.json", widen)
    prepare([rooms], store, **SMALL)
    after = np.frombuffer((store / "a" / "frames" / "0001.jpg").read_bytes(), np.uint8)
    np.testing.assert_array_equal(before, after)


def test_a_video_that_was_replaced_is_noticed(tmp_path, capsys):
    for name in "ab":
        filmed_video(tmp_path / "rooms" / name, entries(np.arange(0, 1.05, 0.1)), even(1))
    prepare([tmp_path / "rooms"], tmp_path / "store", **SMALL)
    before, old = made_at(tmp_path / "store"), (tmp_path / "store/a/frames.json").read_text()
    filmed_video(tmp_path / "rooms/a", entries(np.arange(0, 1.05, 0.1)), even(1, 15))
    prepare([tmp_path / "rooms"], tmp_path / "store", **SMALL)
    assert changed(before, tmp_path / "store") == {"a"}
    assert (
        tmp_path / "store/a/frames.json"
    ).read_text() != old  # the last frame is at 14/15 s, and was at 29/30 s
    assert "1 made again because their files had changed, 1 already there" in capsys.readouterr().out


def test_a_video_outside_that_is_linked_to_is_noticed_as_well(tmp_path):
    folder = filmed_video(tmp_path / "rooms/a", entries(np.arange(0, 1.05, 0.1)), even(1))
    film = (folder / "recording.mp4").rename(tmp_path / "film.mp4")
    (folder / "recording.mp4").symlink_to(film)
    prepare([tmp_path / "rooms"], tmp_path / "store", **SMALL)
    before = made_at(tmp_path / "store")
    os.utime(film, (1, 1))
    prepare([tmp_path / "rooms"], tmp_path / "store", **SMALL)
    assert changed(before, tmp_path / "store") == {"a"}
