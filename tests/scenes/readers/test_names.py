"""Names from files: which become part of a scene, what becomes of the others, and that no prompt holds them."""

import json
import random
import warnings

import numpy as np
import pytest

from lightning_ouro.scenes.readers.meta_info import read_meta_info
from lightning_ouro.scenes.readers.names import Names
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.scenes.vocabulary import MAX_LENGTH, category_of, plain_name
from tests.scenes.readers.film import film
from tests.scenes.readers.write_plain_folder import read, write

# Each would change a prompt's structure, break a form, or cannot be told from another name.
HOSTILE = [
    "tv<|im_end|>",
    "<|im_start|>system",
    "tv<|video_pad|>",
    "<think>",
    "</tool_call>",
    "<tv>",
    "a<b",
    "a>b",
]
HOSTILE += [
    "tv\x00",
    "\x1b[31mtv",
    "tv\x07",
    "\u202etv",
    "tv\u200b",
    "\ufefftv",
    "tv\u2066",
    "t\u00adv",
    "a\x7fb",
]
HOSTILE += ["\U0001f4fa", "tv \U0001f4fa", "♥", "tv\ufe0f", "\ud800", "tv\udfff", "e\u0301\u0301", "\u0301"]
HOSTILE += [
    "{{ tv }}",
    "{0}",
    "{object[0]}",
    "{% raw %}",
    "$metadata",
    "${tv}",
    "%s",
    "%(tv)s",
    "a\\b",
    "\\n",
    "\\",
]
HOSTILE += [
    '"',
    'a"b',
    "``",
    "```",
    "```python",
    "`tv`",
    "'",
    "tv; rm",
    "tv, bed",
    "tv. bed",
    "tv?",
    "tv!",
    "tv:bed",
]
HOSTILE += [
    "x" * (MAX_LENGTH + 1),
    "x" * 10_000,
    "tv " * 4000,
    " " * 10_000 + "tv",
    "_",
    "_tv",
    "-",
    "(tv)",
    "#1",
    "@1",
    "*tv*",
]
BLANK = ["", " ", "\n", "\u3000\t"]
PLAIN = [
    "tv",
    "TV stand",
    "l-shaped sofa",
    "rack/stand",
    "cup (2)",
    "3d printer",
    "men’s shoes",
    "o'clock",
    "椅子",
]
PLAIN += ["Stühle", "стол", "a & b", "tv_monitor", "x" * MAX_LENGTH]
FOLDED = {
    " tv  stand\n": "tv stand",
    "ｔｖ": "tv",
    "coffee\u00a0table": "coffee table",
    "cafe\u0301": "café",
    "ﬁsh tank": "fish tank",
}


@pytest.mark.parametrize("label", [*HOSTILE, *BLANK])
def test_labels_that_are_not_plain_words_are_no_names(label):
    assert plain_name(label) is None


@pytest.mark.parametrize(("label", "name"), [*((name, name) for name in PLAIN), *FOLDED.items()])
def test_plain_words_are_names_as_they_are(label, name):
    assert plain_name(label) == plain_name(name) == name


def test_random_labels_never_become_more_than_plain_words():
    draw, pieces = (
        random.Random(0),
        [*HOSTILE, *BLANK, *PLAIN, *FOLDED, "<|", "|>", "\n", "\r", "\u2028", "{", "}", "a"],
    )
    names = 0
    for _ in range(20_000):
        name = plain_name("".join(draw.choices(pieces, k=draw.randrange(1, 4))))
        if name is not None:
            names += 1
            assert 0 < len(name) <= MAX_LENGTH and name.isprintable() and name == " ".join(name.split())
            assert not set(name) & set('<>|{}`"\\$%@#*,.;:?!')
            assert plain_name(name) == name
    assert names > 500


def box(index, size=0.6):
    return {
        "centroid": [1.5 * index, 0, 0.5],
        "axesLengths": [size] * 3,
        "normalizedAxes": [1, 0, 0, 0, 1, 0, 0, 0, 1],
    }


def meta_info(tmp_path, counts, boxes=None, scene_id="odd"):
    by_category = {
        name: [box(10 * index + copy) for copy in range(number)]
        for index, (name, number) in enumerate(counts.items())
    }
    record = {"room_size": 30.0, "object_counts": counts, "object_bbox": boxes or by_category}
    path = tmp_path / "meta.json"
    path.write_text(json.dumps({scene_id: record}))
    return read_meta_info(path)


@pytest.mark.parametrize("label", [label for label in HOSTILE if label.strip()])
def test_one_bad_name_costs_its_objects_and_not_the_scene(tmp_path, label):
    with pytest.warns(UserWarning, match="scene odd: objects called .* are left out") as warned:
        (scene,), skipped = meta_info(tmp_path, {label: 1, "lamp": 1, "bed": 2})
    assert skipped == [] and [item.category for item in scene.objects] == ["lamp", "bed", "bed"]
    assert [item.id for item in scene.objects] == [0, 1, 2]
    assert scene.counts == {"lamp": 1, "bed": 2}
    message = str(warned[0].message)
    assert len(warned) == 1 and message.isprintable() and len(message) < 300, "it can be printed on one line"


@pytest.mark.parametrize("label", BLANK)
def test_what_has_a_blank_name_is_left_out_without_a_word(tmp_path, label):
    (scene,), _ = meta_info(tmp_path, {label: 1, "lamp": 1})
    assert scene.counts == {"lamp": 1} and len(scene.objects) == 1


def test_a_category_that_a_bad_name_hints_at_is_no_longer_complete(tmp_path):
    counts = {
        "tv<|im_end|>": 1,
        "{coffee table}": 1,
        "tv": 1,
        "table": 1,
        "coffee table": 1,
        "stand": 1,
        "tv stand": 1,
    }
    with pytest.warns(UserWarning, match=r"'tv<\|im_end\|>', '\{coffee table\}'"):
        (scene,), _ = meta_info(tmp_path, counts)
    assert scene.complete == {"stand", "tv stand"}
    assert scene.counts["tv"] == 1


def test_a_bad_name_hints_at_a_category_by_any_of_its_words():
    names = Names(category_of)
    names.of("{television}")
    assert names.certain({"tv", "tv stand", "lamp"}) == {"tv stand", "lamp"}


@pytest.mark.parametrize("label", ["furniture", "Object", "seats", "kitchen appliance", "structure"])
def test_what_says_only_that_something_is_there_is_left_out(tmp_path, label):
    (scene,), _ = meta_info(tmp_path, {label: 2, "toilet seat": 1})
    assert scene.counts == {"toilet seat": 1} and scene.complete == {"toilet seat"}
    names = Names()
    assert names.of(label) is None and len(names.given) == 1  # it may still be what seems to be absent


@pytest.mark.parametrize("label", ["camera", "Left", "closest_point", "nothing"])
def test_a_word_of_the_questions_is_left_out_with_a_reason(tmp_path, label):
    with pytest.warns(UserWarning, match=f"'{label}' are left out.* no words of the questions"):
        (scene,), _ = meta_info(tmp_path, {label: 2, "security camera": 1})
    assert scene.counts == {"security camera": 1}


def test_a_lost_object_leaves_its_category_incomplete():
    names = Names(category_of)
    names.lose("chair")
    assert names.certain({"chair", "table"}) == {"table"}


def test_names_that_differ_in_case_only_are_one_name(tmp_path):
    (scene,), _ = meta_info(tmp_path, {"Chair": 1, "chair": 2, "lamp": 1})
    assert scene.counts == {"Chair": 3, "lamp": 1} and scene.complete == {"Chair", "lamp"}
    assert [item.category for item in scene.objects] == ["Chair"] * 3 + ["lamp"] and not scene.unified


@pytest.mark.parametrize("label", ["tv: left", "chair (broken) #2", "lamp, tall"])
def test_a_name_that_the_vocabulary_cannot_take_is_said_to_be_left_out(label):
    names = Names(category_of)
    assert names.of(label) is None and names.of("wall") is None
    with pytest.warns(UserWarning, match="scene odd: objects called .* are left out") as warned:
        names.warn("odd")
    assert "wall" not in str(warned[0].message)
    assert names.certain({"tv", "chair", "lamp", "bed"}) < {"tv", "chair", "lamp", "bed"}


def test_a_scene_without_any_usable_name_is_skipped(tmp_path):
    with warnings.catch_warnings(action="ignore"):
        scenes, (skipped,) = meta_info(tmp_path, {"tv<|im_end|>": 2})
    assert scenes == [] and "no objects that a question could name" in skipped.reason


@pytest.mark.parametrize("scene_id", ["a\nb", "", "x" * 101, "\x1b[31m", "../up", "<|im_end|>", "\u202ea"])
def test_a_scene_whose_id_is_no_plain_name_is_skipped_in_one_line(tmp_path, scene_id):
    scenes, (skipped,) = meta_info(tmp_path, {"lamp": 1}, scene_id=scene_id)
    assert scenes == [] and "has an id with other characters" in skipped.reason
    assert skipped.reason.isprintable() and skipped.id.isprintable() and len(skipped.id) <= 80


def test_a_warning_quotes_three_names_of_many():
    names = Names(category_of)
    for index in range(9):
        assert names.of(f"<{index}>") is None
    assert [names.of("wall"), names.of("Trash_Can")] == [None, "trash bin"], "a wall is no bad name"
    with pytest.warns(UserWarning, match=r"objects called '<0>', '<1>', '<2>', … are left out"):
        names.warn("s")


@pytest.fixture(scope="module")
def filmed():
    return film(3, frames=4, height=60, width=80)


@pytest.mark.parametrize("label", ["tv<|im_end|>", "x" * 5000, "wall", " ", "{0}", "\ud800"])
def test_shares_of_a_folder_still_belong_to_their_objects(tmp_path, filmed, label):
    number = len(filmed.scene.objects)

    def rename(scene, frames):
        scene["objects"][1]["category"] = label
        scene["counts"], scene["complete"] = {label: 3}, [*scene["complete"], label]
        for frame in frames["frames"]:
            frame["shares"] = {str(index): index / 100 for index in range(number)}

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        scene = read(write(tmp_path / "room", filmed, change=rename))
    assert len(warned) == (label not in ("wall", " "))
    kept = [index for index in range(number) if index != 1]
    assert [item.category for item in scene.objects] == [
        filmed.scene.objects[index].category for index in kept
    ]
    assert [item.id for item in scene.objects] == list(range(number - 1))
    shares = scene.footage.load(scene, FrameBudget(4, 60, 80, token=4)).views.visibility
    np.testing.assert_allclose(shares, np.tile(np.array(kept) / 100, (4, 1)), atol=1e-6)


def test_a_frame_with_shares_of_unlisted_objects_is_left_out(tmp_path, filmed):
    def refer_to_nothing(scene, frames):
        frames["frames"][0]["shares"] = {str(len(scene["objects"])): 0.5}

    scene = read(write(tmp_path / "room", filmed, change=refer_to_nothing))
    with pytest.warns(UserWarning, match="1 of .* left out: .* expected numbers from 0 to 1 by object index"):
        scene.footage.load(scene, FrameBudget(4, 60, 80, token=4))
