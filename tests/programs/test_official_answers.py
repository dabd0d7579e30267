"""VSI-Bench's own texts and answers, of which `tests/benchmarks/test_ground_truth.py` covers all."""

import json
import re

import numpy as np
import pytest

from lightning_ouro.programs.families import FAMILIES, read
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.scenes.vocabulary import category_of

WRITTEN_BY_HAND = {"route_planning"}  # in people's own words


def test_first_forms_write_the_official_sentences(official_questions):
    seen = set()
    for row in official_questions:
        family = FAMILIES[row["question_type"]]
        if family.name not in WRITTEN_BY_HAND:
            assert family.forms[0].write(family.parse(row["question"])) == row["question"]
            assert read(row["question"])[0] is family
            seen.add(family.name)
    assert len(seen) == 9


def test_official_texts_list_options_in_the_order_of_their_letters(official_questions):
    for row in official_questions:
        if row["question_type"] == "object_rel_distance":
            listed = re.search(r"\((.*)\)", row["question"])[1].split(", ")
            assert listed == [option[3:] for option in row["options"]]


def raw_answers(record):
    """Questions with their official answers, from nothing but a scene's raw JSON."""
    yield FAMILIES["room_size_estimation"].forms[0].write({}), f"{record['room_size']:.1f}"
    for category, boxes in record["object_bbox"].items():
        if len(boxes) == record["object_counts"].get(category) == 1:
            form = FAMILIES["object_size_estimation"].forms[0]
            yield (
                form.write({"object": (category_of(category),)}),
                f"{max(boxes[0]['axesLengths']) * 100:.0f}",
            )
        if record["object_counts"].get(category, 0) > 1:
            form = FAMILIES["object_counting"].forms[0]
            yield form.write({"object": (category_of(category),)}), str(record["object_counts"][category])


@pytest.mark.parametrize("source", ["arkitscenes", "scannet"])
def test_programs_print_what_the_raw_metadata_say(source, shared_data, official_scenes, sandbox):
    path = shared_data / "scenes" / "vsi_bench_meta" / f"{source}_meta_info_val.json"
    records = json.loads(path.read_text())
    for name in np.random.default_rng(0).choice(list(records), size=10, replace=False).tolist():
        loaded = LoadedScene([scene_geometry(official_scenes[name])])
        for text, official in raw_answers(records[name]):
            family, roles = read(text)
            outcome = sandbox.run(family.program(roles), loaded)
            assert outcome.failure is None and outcome.answers[0].printed() == official
