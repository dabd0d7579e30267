import dataclasses
from collections import Counter

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scene, procedural_scenes
from lightning_ouro.scenes.types import FrameBudget

BUDGET = FrameBudget(2, 32, 32)


class CountingFootage:
    def __init__(self, footage, loads):
        self.footage, self.loads = footage, loads

    def load(self, scene, budget):
        self.loads[scene.id] += 1
        return self.footage.load(scene, budget)


@dataclasses.dataclass
class ShortFootage:
    footage: object

    def load(self, scene, budget):
        return self.footage.load(scene, dataclasses.replace(budget, num_frames=1))


def library(videos):
    loads = Counter()
    scenes = [
        dataclasses.replace(scene, footage=CountingFootage(scene.footage, loads))
        for scene in procedural_scenes(0, 3)
    ]
    return SceneLibrary(scenes, BUDGET, videos * 2 * 32 * 32 * 3), loads


def test_it_is_a_mapping_in_the_order_given():
    scenes = procedural_scenes(3, 3)[::-1]
    shelf = SceneLibrary(scenes, BUDGET)
    assert shelf.ids == tuple(shelf) == tuple(scene.id for scene in scenes) and len(shelf) == 3
    assert shelf[scenes[1].id] is scenes[1] and scenes[1].id in shelf and "none" not in shelf


def test_a_video_is_loaded_once_in_the_librarys_budget():
    shelf, loads = library(3)
    first = shelf.video(shelf.ids[0])
    assert shelf.video(shelf.ids[0]) is first and loads[shelf.ids[0]] == 1
    assert first.frames.shape == (2, 32, 32, 3)


def test_a_recording_with_fewer_frames_than_asked_for_names_the_setting():
    scene = procedural_scene(0)
    short = dataclasses.replace(scene, footage=ShortFootage(scene.footage))
    said = (
        rf"scene {scene.id}: its recording gives 1 usable frames of data.frames.num_frames=2; lower that to 1"
    )
    with pytest.raises(InputError, match=said):
        SceneLibrary([short], BUDGET).video(scene.id)


def test_the_least_recently_used_video_goes_first():
    shelf, loads = library(2)
    a, b, c = shelf.ids
    for scene_id in (a, b, a, c, a, b):
        shelf.video(scene_id)
    assert loads == {a: 1, b: 2, c: 1}


def test_metadata_opens_no_footage():
    shelf, loads = library(2)
    assert [shelf[scene_id].counts for scene_id in shelf] and not loads


def test_an_unknown_scene_is_a_key_error():
    shelf, _ = library(2)
    with pytest.raises(KeyError, match="none"):
        shelf.video("none")


def test_two_scenes_with_one_id_are_refused_by_name():
    with pytest.raises(InputError, match="scene procedural-000000 is given twice"):
        SceneLibrary([procedural_scene(0), procedural_scene(0)], BUDGET)


def test_the_last_video_is_kept_however_large_it_is():
    shelf, loads = library(0)
    first = shelf.video(shelf.ids[0])
    assert shelf.video(shelf.ids[0]) is first and loads == {shelf.ids[0]: 1}
