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

    def without(self, scene, video, dropped):
        self.loads[scene.id, dropped] += 1
        return self.footage.without(scene, video, dropped)


@dataclasses.dataclass
class ShortFootage:
    footage: object

    def load(self, scene, budget):
        return self.footage.load(scene, dataclasses.replace(budget, num_frames=1))


def library_of_three(cached_videos):
    """A library with a cache for `cached_videos`, and a counter of how often each scene was loaded."""
    loads = Counter()
    scenes = [
        dataclasses.replace(scene, footage=CountingFootage(scene.footage, loads))
        for scene in procedural_scenes(0, 3)
    ]
    return SceneLibrary(scenes, BUDGET, cached_videos * 2 * 32 * 32 * 3), loads


def test_a_library_is_a_mapping_in_the_given_order():
    scenes = procedural_scenes(3, 3)[::-1]
    library = SceneLibrary(scenes, BUDGET)
    assert library.ids == tuple(library) == tuple(scene.id for scene in scenes) and len(library) == 3
    assert library[scenes[1].id] is scenes[1] and scenes[1].id in library and "none" not in library


def test_a_video_is_loaded_once_with_the_librarys_budget():
    library, loads = library_of_three(3)
    first = library.video(library.ids[0])
    assert library.video(library.ids[0]) is first and loads[library.ids[0]] == 1
    assert first.frames.shape == (2, 32, 32, 3)


def test_a_recording_with_too_few_frames_is_refused_with_the_option():
    scene = procedural_scene(0)
    short = dataclasses.replace(scene, footage=ShortFootage(scene.footage))
    message = rf"scene {scene.id}: .* 1 usable frames for data.frames.num_frames=2; lower that to 1"
    with pytest.raises(InputError, match=message):
        SceneLibrary([short], BUDGET).video(scene.id)


def test_the_least_recently_used_video_is_dropped_first():
    library, loads = library_of_three(2)
    a, b, c = library.ids
    for scene_id in (a, b, a, c, a, b):
        library.video(scene_id)
    assert loads == {a: 1, b: 2, c: 1}


def test_reading_metadata_loads_no_footage():
    library, loads = library_of_three(2)
    assert [library[scene_id].counts for scene_id in library] and not loads


def test_an_unknown_scene_is_a_key_error():
    library, _ = library_of_three(2)
    with pytest.raises(KeyError, match="none"):
        library.video("none")


def test_two_scenes_with_the_same_id_are_refused():
    with pytest.raises(InputError, match="scene procedural-000000 occurs twice"):
        SceneLibrary([procedural_scene(0), procedural_scene(0)], BUDGET)


def test_the_last_video_is_cached_whatever_its_size():
    library, loads = library_of_three(0)
    first = library.video(library.ids[0])
    assert library.video(library.ids[0]) is first and loads == {library.ids[0]: 1}


def test_videos_without_some_objects_share_the_cache_and_its_bound():
    library, loads = library_of_three(3)
    a, b, _ = library.ids
    some, others = frozenset({0, 1}), frozenset({2})
    kept = library.video_without(a, some)
    assert library.video_without(a, some) is kept and loads == {a: 1, (a, some): 1}
    assert (kept.views.visibility[:, [0, 1]] == 0).all()
    assert library.video_without(a, others) is not kept
    library.video(a)
    library.video(b)  # a fourth video: the one without `some` was used longest ago
    library.video_without(a, others)
    assert loads == {a: 1, b: 1, (a, some): 1, (a, others): 1}
    assert library.video_without(a, some) is not kept and loads[a, some] == 2


def test_a_video_without_some_objects_outlives_the_one_it_was_made_from():
    library, loads = library_of_three(1)
    first = library.video_without(library.ids[0], frozenset({0}))
    assert library.video_without(library.ids[0], frozenset({0})) is first and loads[library.ids[0]] == 1
