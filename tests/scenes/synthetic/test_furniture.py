import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from lightning_ouro.scenes.readers.meta_info import read_meta_info
from lightning_ouro.scenes.synthetic.furniture import FURNITURE, LOOKS, ROOM_KINDS, TEXTURES, look_of

SYNONYMS = {("trash bin", "trash can"), ("washer", "washing machine"), ("heater", "radiator")}


def test_every_range_is_ordered_and_positive():
    for furniture in FURNITURE.values():
        for low, high in (furniture.width, furniture.depth, furniture.height):
            assert 0 < low < high < 3
        assert furniture.most >= 1


def test_objects_on_surfaces_fit_on_the_largest_of_their_supports():
    for furniture in FURNITURE.values():
        assert bool(furniture.supports) == (furniture.place == "surface")
        for name in furniture.supports:
            support = FURNITURE[name]
            assert min(furniture.width[0], furniture.depth[0]) < min(support.width[1], support.depth[1])


def test_room_kinds_have_distinct_first_letters():
    letters = {kind[0] for kind in ROOM_KINDS}
    assert len(letters) == len(ROOM_KINDS)
    assert all(furniture.rooms and set(furniture.rooms) <= letters for furniture in FURNITURE.values())


def test_hung_objects_stay_below_the_lowest_ceiling():
    assert all(furniture.bottom[1] + furniture.height[1] < 2.45 for furniture in FURNITURE.values())


def test_all_furniture_has_a_listed_look():
    assert set(FURNITURE) <= set(LOOKS)


def test_all_categories_of_the_real_files_have_a_listed_look(shared_data):
    for file in (shared_data / "scenes" / "vsi_bench_meta").glob("*.json"):
        scenes, _ = read_meta_info(file)
        assert {category for scene in scenes for category in scene.counts} <= set(LOOKS)


def test_only_synonyms_have_similar_looks():
    for (first_name, first), (second_name, second) in combinations(LOOKS.items(), 2):
        if (first_name, second_name) in SYNONYMS:
            assert first == second
        else:
            distance = np.abs(np.subtract(first.colour, second.colour)).max()
            assert first.texture != second.texture or distance >= 20, (first_name, second_name)


@pytest.mark.parametrize("name", ["armadillo", "", "größe", "chair "])
def test_an_unknown_name_gets_a_valid_look(name):
    look = look_of(name)
    assert all(0 <= value <= 255 for value in look.colour) and look.texture in TEXTURES


def test_an_unknown_name_looks_the_same_in_another_process():
    program = "from lightning_ouro.scenes.synthetic.furniture import look_of; print(look_of('armadillo'))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(look_of("armadillo"))
