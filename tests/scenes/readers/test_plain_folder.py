"""scene.json: what comes back, what is refused, and that the schema agrees."""

import copy
import json
import re
import unicodedata
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import absent, clearly, film, same_box
from tests.scenes.readers.write_plain_folder import READER, dropping, is_valid, read, records, setting, write


@pytest.fixture(scope="module")
def filmed():
    return film(3, frames=5, height=120, width=160)


@pytest.mark.parametrize("depth", [False, True])
def test_a_scene_comes_back_as_filmed(tmp_path, filmed, depth):
    scene = read(write(tmp_path / "room", filmed, depth))
    assert (scene.id, scene.source, scene.benchmarks) == ("room", "folder", ())
    assert scene.counts == filmed.scene.counts and scene.complete == filmed.scene.complete
    assert scene.floor_area == pytest.approx(filmed.scene.floor_area)
    for item, truth in zip(scene.objects, filmed.scene.objects, strict=True):
        assert item.category == truth.category and same_box(item, truth, 1e-9)
    video = scene.footage.load(scene, FrameBudget(5, 120, 160, token=8))
    np.testing.assert_array_equal(video.frames, filmed.rgb)
    np.testing.assert_array_equal(video.views.timestamps, filmed.times)
    np.testing.assert_allclose(video.views.poses, filmed.poses, atol=1e-12)
    shares, truth, is_clear = video.views.visibility, filmed.shares, clearly(filmed.shares)
    seen, is_there, may_be = shares >= 0.003, truth >= 0.003, video.views.at_most >= 0.003
    assert (seen <= is_there)[is_clear].all() and (is_there <= may_be)[is_clear].all()
    agree = (seen == is_there)[is_clear].mean()
    assert agree > 0.75  # at borders it depends on the lens, of which so few pictures tell nothing
    large = (truth >= 0.006) & seen
    np.testing.assert_allclose(shares[large], truth[large], rtol=0.25)


def test_subfolders_are_found_by_name_except_hidden_ones(tmp_path, filmed):
    for name in ("b", "a", ".half"):
        write(tmp_path / name, filmed)
    assert [location.id for location in READER.find(tmp_path)] == ["a", "b"]
    assert [location.id for location in READER.find(tmp_path / "b")] == ["b"]
    assert READER.find(tmp_path / "a" / "scene.json") == READER.find(tmp_path / "a" / "frames") == []


def test_circular_links_are_found_at_most_once(tmp_path, filmed):
    write(tmp_path / "room", filmed)
    (tmp_path / "room" / "again").symlink_to(tmp_path)
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    assert [location.id for location in READER.find(tmp_path)] == ["room"]
    assert READER.find(tmp_path / "itself") == []


def test_synonyms_become_one_category(tmp_path, filmed):
    def rename(scene, frames):
        scene["objects"][0]["category"], scene["objects"][1]["category"] = "Trash_Can", "garbage bin"
        scene["complete"] = ["trash can"]

    scene = read(write(tmp_path / "room", filmed, change=rename))
    assert [item.category for item in scene.objects[:2]] == ["trash bin"] * 2
    assert scene.complete == {"trash bin"}


BAD_SCENES = {
    "no objects field": (dropping("scene", "objects"), "objects is missing, expected a list"),
    "objects as a dictionary": (setting(("scene", "objects"), {}), "objects is {}, expected a list"),
    "no objects": (setting(("scene", "objects"), []), "has no object"),
    "a negative count": (setting(("scene", "counts"), {"chair": -1}), "counts of 'chair' is -1"),
    "counts in a list": (setting(("scene", "counts"), [3]), "counts is [3]"),
    "complete as a string": (setting(("scene", "complete"), "chair"), "complete is 'chair', expected a list"),
    "a floor of two corners": (setting(("scene", "floor"), [[0, 0], [1, 1]]), "at least three"),
    "a floor corner with three coordinates": (
        setting(("scene", "floor"), [[0, 0, 0], [1, 0, 0], [1, 1, 0]]),
        "floor corner 0",
    ),
    "no floor at all": (dropping("scene", "floor"), "floor_area is missing, expected square metres"),
    "no floor area": (setting(("scene", "floor_area"), 0), "floor_area is 0"),
    "an id that is a path": (setting(("scene", "id"), "../up"), "id is '../up'"),
    "a number for an id": (setting(("scene", "id"), 7), "id is 7, expected a non-empty string"),
}
BROKEN_OBJECTS = {
    "an object that is a string": (setting(("scene", "objects", 1), "chair"), "object 1 is 'chair'"),
    "no category": (dropping("scene", "objects", 0, "category"), "object 0: category is missing"),
    "a list for a category": (
        setting(("scene", "objects", 0, "category"), ["chair"]),
        "object 0: category is ['chair'], expected the name",
    ),
    "two numbers for a centre": (
        setting(("scene", "objects", 0, "center"), [1, 2]),
        "center is [1, 2], expected 3",
    ),
    "a centre that is not finite": (
        setting(("scene", "objects", 0, "center"), [1, 2, float("nan")]),
        "center is",
    ),
    "a centre a light-year away": (setting(("scene", "objects", 0, "center"), [1, 2, 9.46e15]), "center is"),
    "a flat size": (
        setting(("scene", "objects", 0, "size"), [1, 0, 1]),
        "size is [1, 0, 1], expected positive",
    ),
    "skewed axes": (
        setting(("scene", "objects", 0, "axes"), [[1, 0, 0], [1, 1, 0], [0, 0, 1]]),
        "orthonormal",
    ),
    "two axes": (setting(("scene", "objects", 0, "axes"), [[1, 0, 0], [0, 1, 0]]), "axes is"),
}


@pytest.mark.parametrize(("change", "message"), BAD_SCENES.values(), ids=BAD_SCENES)
def test_a_bad_scene_is_refused_in_one_line(tmp_path, filmed, change, message):
    folder = write(tmp_path / "room", filmed, change=change)
    with pytest.raises(BadSceneError) as error:
        read(folder)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("name", BROKEN_OBJECTS)
def test_a_broken_object_costs_itself_and_what_it_may_be(tmp_path, filmed, name):
    change, message = BROKEN_OBJECTS[name]
    with pytest.warns(UserWarning, match="1 of 12 objects left out: .*" + re.escape(message)):
        scene = read(write(tmp_path / "room", filmed, change=change))
    place = 1 if name == "an object that is a string" else 0
    truth = [item for item in filmed.scene.objects if item.id != place]
    assert [item.category for item in scene.objects] == [item.category for item in truth]
    is_unnamed = name in ("an object that is a string", "no category", "a list for a category")
    lost = {filmed.scene.objects[place].category}
    assert scene.complete == (set() if is_unnamed else filmed.scene.complete - lost)


def test_more_than_a_fifth_of_broken_objects_costs_the_scene(tmp_path, filmed):
    def flatten(number):
        def change(scene, frames):
            for item in scene["objects"][:number]:
                item["size"] = [1, 0, 1]

        return change

    with pytest.warns(UserWarning, match="2 of 12 objects left out"):
        assert len(read(write(tmp_path / "two", filmed, change=flatten(2))).objects) == 10
    with pytest.raises(BadSceneError, match=r"object 0: size is .*; so are 3 of 12 objects, too many"):
        read(write(tmp_path / "three", filmed, change=flatten(3)))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"objects": ' + "[" * 100_000])
@pytest.mark.parametrize("name", ["scene.json", "frames.json"])
def test_a_file_with_unexpected_json_is_named(tmp_path, filmed, name, text):
    folder = write(tmp_path / "room", filmed)
    (folder / name).write_text(text)
    with pytest.raises((BadSceneError, InputError), match=name):
        scene = read(folder)
        scene.footage.load(scene, FrameBudget(4, 96, 128))


def test_a_thousand_objects_are_too_many(tmp_path, filmed):
    def crowd(scene, frames):
        scene["objects"] = [copy.deepcopy(scene["objects"][0]) for _ in range(1000)]
        for index, item in enumerate(scene["objects"]):
            item["center"][0] += index / 10

    folder = write(tmp_path / "room", filmed, change=crowd)
    with pytest.raises(BadSceneError, match="has 1000 objects, expected at most 256"):
        read(folder)


@pytest.mark.parametrize("depth", [False, True])
def test_what_the_reader_accepts_is_valid_by_the_schema(filmed, depth):
    scene, frames = records(filmed, depth)
    assert is_valid(scene, "scene") and is_valid(frames, "frames")


BEYOND_THE_SCHEMA = {  # only the reader can check words and matrices
    *("skewed axes", "a centre that is not finite"),
}


@pytest.mark.parametrize("name", [*BAD_SCENES, *sorted(BROKEN_OBJECTS.keys() - BEYOND_THE_SCHEMA)])
def test_a_scene_that_the_reader_refuses_is_invalid_by_the_schema(filmed, name):
    scene, frames = records(filmed, False)
    (BAD_SCENES | BROKEN_OBJECTS)[name][0](scene, frames)
    assert not is_valid(scene, "scene")


def test_the_example_in_the_documentation_is_read(tmp_path):
    text = (Path(__file__).parents[3] / "lightning_ouro" / "scenes" / "README.md").read_text("utf8")
    scene, frames, _ = map(json.loads, re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    assert is_valid(scene, "scene") and is_valid(frames, "frames")
    (tmp_path / "scene.json").write_text(json.dumps(scene))
    (tmp_path / "frames.json").write_text(json.dumps(frames))
    for name, image in (
        ("frames", np.zeros((480, 640, 3), np.uint8)),
        ("depth", np.ones((48, 64), np.uint16)),
    ):
        (tmp_path / name).mkdir()
        for index in (0, 1):
            iio.imwrite(tmp_path / name / f"{index:04d}.{'jpg' if name == 'frames' else 'png'}", image)
    office = read(tmp_path)
    assert (office.id, office.floor_area, office.counts) == ("office", 14.0, {"table": 1, "chair": 1})
    video = office.footage.load(office, FrameBudget(2, 96, 128))
    assert video.frames.shape == (2, 96, 128, 3) and video.views.timestamps.tolist() == [0.0, 0.5]


def with_counts(tmp_path, filmed, counts, complete):
    def change(scene, frames):
        scene["counts"], scene["complete"] = counts, complete

    return read(write(tmp_path / "room", filmed, change=change))


def test_only_what_the_file_counts_as_zero_is_absent(tmp_path, filmed):
    scene = with_counts(tmp_path, filmed, {"piano": 0, "harp": 0}, ["piano", "gong"])
    assert absent(scene) == {"piano"}
    assert "gong" not in scene.counts and "harp" not in scene.complete


def test_no_desk_does_not_mean_no_table(tmp_path, filmed):
    scene = with_counts(tmp_path, filmed, {"desk": 0, "couch": 0, "harps": 0}, ["desk", "couch", "harps"])
    assert absent(scene) == {"harps"}


def test_counts_of_labels_that_become_one_name_are_added_up(tmp_path, filmed):
    for counts in (
        {"desk": 2, "table": 3},
        {"table": 3, "desk": 2},
        {"desk": 5, "table": 0},
        {"table": 5, "desk": 0},
    ):
        assert with_counts(tmp_path / str(counts), filmed, counts, ["table"]).counts["table"] == 5


def test_all_desks_are_not_all_tables(tmp_path, filmed):
    partly = with_counts(tmp_path / "partly", filmed, {"desk": 2}, ["desk", "armchair", "trash can"])
    assert partly.counts["table"] == 2 and partly.complete == {"trash bin"}
    fully = with_counts(tmp_path / "fully", filmed, {"desk": 2}, ["desk", "table"])
    assert fully.complete == {"table"}


def test_words_are_counted_before_they_become_one_category(tmp_path, filmed):
    def change(counts):
        def words(scene, frames):
            for item, word in zip(scene["objects"], ("sofa", "Couch", "sofa"), strict=False):
                item["category"] = word
            scene["counts"], scene["complete"] = counts, ["sofa"]

        return words

    others = sum(item.category == "sofa" for item in filmed.scene.objects[3:])
    for number, (counts, expected) in enumerate(
        (
            ({}, 3 + others),
            ({"couch": 1}, 3 + others),
            ({"couch": 2, "sofa": 2 + others}, 4 + others),
            ({"sofa": 2 + others, "couch": 2}, 4 + others),
            ({"sofa": 5}, 6),
            ({"couch": 0}, 2 + others),
            ({"sofas": 7}, 7),
        )
    ):
        scene = read(write(tmp_path / f"room{number}", filmed, change=change(counts)))
        assert scene.counts["sofa"] == expected and scene.complete == {"sofa"}
        assert scene.unified["Couch"] == "sofa" and "sofas" not in scene.counts


def test_an_object_that_is_listed_twice_is_one(tmp_path, filmed):
    def double(scene, frames):
        scene["objects"].insert(1, copy.deepcopy(scene["objects"][0]))
        frames["frames"][0]["shares"] = {"0": 0.125, "2": 0.25}

    scene = read(write(tmp_path / "room", filmed, change=double))
    assert [item.category for item in scene.objects] == [item.category for item in filmed.scene.objects]
    assert scene.counts == filmed.scene.counts
    shares = scene.footage.load(scene, FrameBudget(2, 96, 128)).views.visibility[0]
    assert shares.tolist() == [0.125, 0.25] + [0] * (len(shares) - 2)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_with_an_accent_is_the_same_however_a_file_system_writes_it(tmp_path, filmed, form):
    assert read(write(tmp_path / unicodedata.normalize(form, "K\u00fcche"), filmed)).id == "K\u00fcche"
