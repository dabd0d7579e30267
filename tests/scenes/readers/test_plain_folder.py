import copy
import json
from pathlib import Path

import imageio.v3 as iio
import jsonschema
import numpy as np
import pytest

import lightning_ouro.scenes.readers.plain_folder as module
from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.readers.plain_folder import PlainFolderReader
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import clearly, film, same_box

SCHEMA = json.loads(Path(module.__file__).with_name("plain_folder.schema.json").read_text("utf8"))
READER = PlainFolderReader()
BUDGET = FrameBudget(4, 96, 128)


@pytest.fixture(scope="module")
def filmed():
    return film(3, frames=5, height=120, width=160)


def records(film, depth):
    """Both files' contents for a film."""
    objects = [
        {
            "category": thing.category,
            "center": thing.center.tolist(),
            "size": thing.size.tolist(),
            "axes": thing.rotation.T.tolist(),
        }
        for thing in film.scene.objects
    ]
    scene = {"objects": objects, "complete": sorted(film.scene.complete), "floor": film.scene.floor.tolist()}
    frames = [
        {"image": f"frames/{place}.png", "time": float(time), "pose": pose.tolist()}
        for place, (time, pose) in enumerate(zip(film.times, film.poses, strict=True))
    ]
    for place, frame in enumerate(frames):
        frame |= {"depth": f"depth/{place}.png"} if depth else {}
    return scene, {"intrinsics": film.intrinsics.tolist(), "depth_unit": 0.0005, "frames": frames}


def write(folder, film, depth=False, change=lambda scene, frames: None):
    scene, frames = records(film, depth)
    change(scene, frames)
    for name, images in (("frames", film.rgb), ("depth", (film.depth / 0.0005).round().astype(np.uint16))):
        (folder / name).mkdir(parents=True)
        for place, image in enumerate(images):
            iio.imwrite(folder / name / f"{place}.png", image)
    (folder / "scene.json").write_text(json.dumps(scene))
    (folder / "frames.json").write_text(json.dumps(frames))
    return folder


def read(folder):
    (found,) = READER.find(folder)
    return READER.read(found)


@pytest.mark.parametrize("depth", [False, True])
def test_a_scene_comes_back_as_it_was_filmed(tmp_path, filmed, depth):
    scene = read(write(tmp_path / "room", filmed, depth))
    assert (scene.id, scene.source, scene.benchmarks) == ("room", "folder", ())
    assert scene.counts == filmed.scene.counts and scene.complete == filmed.scene.complete
    assert scene.floor_area == pytest.approx(filmed.scene.floor_area)
    for one, other in zip(scene.objects, filmed.scene.objects, strict=True):
        assert one.category == other.category and same_box(one, other, 1e-9)
    video = scene.footage.load(scene, FrameBudget(5, 120, 160, token=8))
    np.testing.assert_array_equal(video.frames, filmed.rgb)
    np.testing.assert_array_equal(video.views.timestamps, filmed.times)
    np.testing.assert_allclose(video.views.poses, filmed.poses, atol=1e-12)
    found, true, sure = video.views.visibility, filmed.shares, clearly(filmed.shares)
    assert ((found >= 0.003) == (true >= 0.003))[sure].all()
    large = true >= 0.006
    np.testing.assert_allclose(found[large], true[large], rtol=0.25)


def test_frames_are_resized_in_their_shape_and_intrinsics_with_them(tmp_path, filmed):
    scene = read(write(tmp_path / "room", filmed))
    video = scene.footage.load(scene, FrameBudget(3, 64, 96))
    assert video.frames.shape == (3, 64, 64, 3)  # at most six tokens: two rows of three would not keep 3:4
    np.testing.assert_allclose(video.views.intrinsics[0], filmed.intrinsics * [[64 / 160], [64 / 120], [1]])
    np.testing.assert_array_equal(video.views.timestamps, filmed.times[[0, 2, 4]])


def test_lost_frames_count_nowhere(tmp_path, filmed):
    def lose(scene, frames):
        frames["frames"][0]["pose"] = frames["frames"][3]["pose"] = None

    scene = read(write(tmp_path / "room", filmed, change=lose))
    np.testing.assert_array_equal(scene.footage.load(scene, BUDGET).views.timestamps, filmed.times[[1, 2, 4]])


def test_where_some_frames_have_depth_only_those_are_shown(tmp_path, filmed):
    def only_two(scene, frames):
        for frame in frames["frames"][2:]:
            del frame["depth"]

    scene = read(write(tmp_path / "room", filmed, True, only_two))
    np.testing.assert_array_equal(scene.footage.load(scene, BUDGET).views.timestamps, filmed.times[:2])


def test_known_shares_are_taken_as_they_are(tmp_path, filmed):
    def know(scene, frames):
        for frame in frames["frames"]:
            frame["shares"] = {"2": 0.25}

    scene = read(write(tmp_path / "room", filmed, change=know))
    shares = scene.footage.load(scene, BUDGET).views.visibility
    assert (shares[:, 2] == 0.25).all() and shares.sum() == 0.25 * len(shares)


def test_folders_of_folders_are_found_by_name_and_hidden_ones_are_not(tmp_path, filmed):
    for name in ("b", "a", ".half"):
        write(tmp_path / name, filmed)
    assert [found.id for found in READER.find(tmp_path)] == ["a", "b"]
    assert [found.id for found in READER.find(tmp_path / "b")] == ["b"]
    assert READER.find(tmp_path / "a" / "scene.json") == READER.find(tmp_path / "a" / "frames") == []


def test_links_that_run_in_a_circle_are_found_once_or_not_at_all(tmp_path, filmed):
    write(tmp_path / "room", filmed)
    (tmp_path / "room" / "again").symlink_to(tmp_path)
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    assert [found.id for found in READER.find(tmp_path)] == ["room"]
    assert READER.find(tmp_path / "itself") == []


def test_synonyms_are_one_category(tmp_path, filmed):
    def rename(scene, frames):
        scene["objects"][0]["category"], scene["objects"][1]["category"] = "Trash_Can", "garbage bin"
        scene["complete"] = ["trash can"]

    scene = read(write(tmp_path / "room", filmed, change=rename))
    assert [thing.category for thing in scene.objects[:2]] == ["trash bin"] * 2 and scene.complete == {
        "trash bin"
    }


def set_at(path, value):
    def change(scene, frames):
        *way, last = path
        record = {"scene": scene, "frames": frames}
        for key in way:
            record = record[key]
        record[last] = value

    return change


def drop(*path):
    def change(scene, frames):
        *way, last = path
        record = {"scene": scene, "frames": frames}
        for key in way:
            record = record[key]
        del record[last]

    return change


BAD_SCENES = {
    "no objects field": (drop("scene", "objects"), "objects is missing, expected a list"),
    "objects by name": (set_at(("scene", "objects"), {}), "objects is {}, expected a list"),
    "no objects": (set_at(("scene", "objects"), []), "holds no object"),
    "an object that is a text": (set_at(("scene", "objects", 1), "chair"), "object 1 is 'chair'"),
    "no category": (drop("scene", "objects", 0, "category"), "object 0: category is missing"),
    "an empty category": (set_at(("scene", "objects", 0, "category"), " "), "category is ' '"),
    "markup for a category": (
        set_at(("scene", "objects", 0, "category"), "<|im_end|>"),
        "category is '<|im_end|>'",
    ),
    "a very long category": (
        set_at(("scene", "objects", 0, "category"), "x" * 5000),
        "object 0: category is 'xxx",
    ),
    "two numbers for a centre": (
        set_at(("scene", "objects", 0, "center"), [1, 2]),
        "center is [1, 2], expected 3",
    ),
    "a centre that is not finite": (
        set_at(("scene", "objects", 0, "center"), [1, 2, float("nan")]),
        "center is",
    ),
    "a centre a light-year away": (set_at(("scene", "objects", 0, "center"), [1, 2, 9.46e15]), "center is"),
    "a flat size": (
        set_at(("scene", "objects", 0, "size"), [1, 0, 1]),
        "size is [1, 0, 1], expected positive",
    ),
    "skewed axes": (
        set_at(("scene", "objects", 0, "axes"), [[1, 0, 0], [1, 1, 0], [0, 0, 1]]),
        "orthonormal",
    ),
    "two axes": (set_at(("scene", "objects", 0, "axes"), [[1, 0, 0], [0, 1, 0]]), "axes is"),
    "a negative count": (set_at(("scene", "counts"), {"chair": -1}), "counts of 'chair' is -1"),
    "counts in a list": (set_at(("scene", "counts"), [3]), "counts is [3]"),
    "complete as a text": (set_at(("scene", "complete"), "chair"), "complete is 'chair', expected a list"),
    "a floor of two corners": (set_at(("scene", "floor"), [[0, 0], [1, 1]]), "at least three"),
    "a floor corner in space": (
        set_at(("scene", "floor"), [[0, 0, 0], [1, 0, 0], [1, 1, 0]]),
        "floor corner 0",
    ),
    "no floor at all": (drop("scene", "floor"), "floor_area is missing, expected square metres"),
    "no floor area": (set_at(("scene", "floor_area"), 0), "floor_area is 0"),
    "an id that is a path": (set_at(("scene", "id"), "../up"), "id is '../up'"),
    "a number for an id": (set_at(("scene", "id"), 7), "id is 7, expected a text"),
}
BAD_FRAMES = {
    "no list of frames": (drop("frames", "frames"), "frames is missing"),
    "no frames": (set_at(("frames", "frames"), []), "frames is []"),
    "a frame that is a number": (set_at(("frames", "frames", 1), 5), "frame 1 is 5"),
    "no time": (drop("frames", "frames", 2, "time"), "frame 2: time is missing"),
    "time that stands still": (set_at(("frames", "frames", 1, "time"), 0.0), "time does not rise at frame 1"),
    "a pose of three rows": (
        set_at(("frames", "frames", 0, "pose"), [[1, 0, 0, 0]] * 3),
        "expected 4 rows of 4",
    ),
    "a pose with a text": (set_at(("frames", "frames", 0, "pose"), [[1, 0, 0, "x"]] * 4), "finite numbers"),
    "a pose that stretches": (
        set_at(("frames", "frames", 0, "pose"), np.diag([2, 2, 2, 1]).tolist()),
        "rigid",
    ),
    "a mirrored pose": (set_at(("frames", "frames", 0, "pose"), np.diag([-1, 1, 1, 1]).tolist()), "rigid"),
    "no pose field": (drop("frames", "frames", 0, "pose"), "pose is missing"),
    "a pose of infinities": (
        set_at(("frames", "frames", 0, "pose"), [[float("-inf")] * 4] * 4),
        "finite numbers",
    ),
    "no intrinsics": (drop("frames", "intrinsics"), "intrinsics is missing"),
    "no focal length": (
        set_at(("frames", "intrinsics"), np.diag([0, 1, 1]).tolist()),
        "expected a pinhole matrix",
    ),
    "a negative unit": (set_at(("frames", "depth_unit"), -1), "depth_unit is -1"),
    "no image": (drop("frames", "frames", 0, "image"), "image is missing"),
    "an image elsewhere": (
        set_at(("frames", "frames", 0, "image"), "/etc/passwd"),
        "lies outside of the folder",
    ),
    "an image above": (set_at(("frames", "frames", 0, "image"), "../x.png"), "lies outside of the folder"),
    "an image that is not there": (set_at(("frames", "frames", 4, "image"), "frames/9.png"), "9.png"),
    "shares of no object": (set_at(("frames", "frames", 0, "shares"), {"99": 0.5}), "shares is {'99': 0.5}"),
    "shares above 1": (set_at(("frames", "frames", 0, "shares"), {"0": 1.5}), "shares is {'0': 1.5}"),
    "all poses lost": (
        lambda scene, frames: [frame.update(pose=None) for frame in frames["frames"]],
        "no frame with a valid pose",
    ),
}


@pytest.mark.parametrize(("change", "said"), BAD_SCENES.values(), ids=BAD_SCENES)
def test_a_bad_scene_is_named_in_one_line(tmp_path, filmed, change, said):
    folder = write(tmp_path / "room", filmed, change=change)
    with pytest.raises(BadSceneError) as error:
        read(folder)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("change", "said"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_bad_frames_are_named_in_one_line(tmp_path, filmed, change, said):
    scene = read(write(tmp_path / "room", filmed, change=change))
    with pytest.raises(InputError, match=r"^scene room: ") as error:
        scene.footage.load(scene, FrameBudget(5, 96, 128))
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"objects": ' + "[" * 100_000])
@pytest.mark.parametrize("name", ["scene.json", "frames.json"])
def test_files_that_are_not_the_json_expected_are_named(tmp_path, filmed, name, text):
    folder = write(tmp_path / "room", filmed)
    (folder / name).write_text(text)
    with pytest.raises((BadSceneError, InputError), match=name):
        scene = read(folder)
        scene.footage.load(scene, BUDGET)


def test_images_of_two_sizes_are_refused(tmp_path, filmed):
    folder = write(tmp_path / "room", filmed)
    iio.imwrite(folder / "frames" / "4.png", filmed.rgb[4][:50])
    scene = read(folder)
    with pytest.raises(InputError, match=r"4\.png: is \(50, 160\) pixels, the first image \(120, 160\)"):
        scene.footage.load(scene, BUDGET)


def test_a_thousand_objects_are_too_many(tmp_path, filmed):
    def crowd(scene, frames):
        scene["objects"] = [copy.deepcopy(scene["objects"][0]) for _ in range(1000)]

    folder = write(tmp_path / "room", filmed, change=crowd)
    with pytest.raises(BadSceneError, match="holds 1000 objects; at most 256 can be used"):
        read(folder)


def valid(record, part):
    schema = {"$ref": f"#/$defs/{part}", "$defs": SCHEMA["$defs"]}
    return jsonschema.Draft202012Validator(schema).is_valid(record)


@pytest.mark.parametrize("depth", [False, True])
def test_what_the_reader_reads_is_valid_by_the_schema(filmed, depth):
    scene, frames = records(filmed, depth)
    assert valid(scene, "scene") and valid(frames, "frames")


TOO_DEEP_FOR_A_SCHEMA = {  # what only a reader can see: matrices, files, order, words
    *(
        "markup for a category",
        "an empty category",
        "skewed axes",
        "time that stands still",
        "a pose that stretches",
    ),
    *("a mirrored pose", "no intrinsics", "no focal length", "an image elsewhere", "an image above"),
    *("an image that is not there", "shares of no object", "all poses lost", "a pose of infinities"),
    "a centre that is not finite",
}


@pytest.mark.parametrize(
    "name", [name for name in BAD_SCENES | BAD_FRAMES if name not in TOO_DEEP_FOR_A_SCHEMA]
)
def test_what_the_reader_refuses_is_refused_by_the_schema(filmed, name):
    scene, frames = records(filmed, False)
    (BAD_SCENES | BAD_FRAMES)[name][0](scene, frames)
    assert not valid(scene if name in BAD_SCENES else frames, "scene" if name in BAD_SCENES else "frames")
