"""The mix that `benchmarks/margins.py` proposes: `strict` where it leaves a third of the due in every source."""

import json
from dataclasses import replace

import margins
import pytest

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.margins import FamilyMargins
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes


def part(scenes, **of_due):
    row = {name: {"askable": 1.0, "of_due": of_due.get(name, 1.0)} for name in margins.EQUAL}
    return {"scenes": scenes, "sets": {"vsi_bench": {}, "strict": row}}


def test_a_family_is_strict_if_it_keeps_a_third_of_its_due_in_rooms_of_every_source():
    rooms = {
        "procedural, small": part(10, depth_order=0.3, route_planning=0.2),
        "procedural, large": part(30, depth_order=0.4, route_planning=0.3),
        "layouts, small": part(10, object_rel_distance=0.1),
    }
    mix = margins.mix(rooms)
    assert set(margins.EQUAL) - set(mix) == {"route_planning", "object_rel_distance"}
    assert set(mix.values()) == {"strict"}
    assert FamilyMargins.named(mix, FAMILIES).by_family.keys() == mix.keys()


def test_rooms_are_told_apart_by_their_floor_area():
    films = [
        (replace(scene, floor_area=area), None) for scene in procedural_scenes(0, 1) for area in (20.0, 20.1)
    ]
    assert [len(chosen) for chosen in margins.by_size(films).values()] == [1, 1]
    assert list(margins.by_size(films[:1])) == ["up to 20 m²"]


def test_the_script_measures_both_sets_and_writes_a_report(tmp_path, capsys):
    assert margins.main(["--scenes", "3", "--slots", "6", "--out", str(tmp_path / "report.json")]) == 0
    report = json.loads((tmp_path / "report.json").read_text("utf8"))
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == report["mix"]
    assert sum(room["scenes"] for room in report["rooms"].values()) == 3
    for room in report["rooms"].values():
        assert set(room["sets"]) == {"vsi_bench", "strict"}
        total = sum(row["of_due"] for row in room["sets"]["strict"].values())
        assert 0 < total <= len(margins.EQUAL) + 0.01  # rounded


def test_a_file_that_is_no_meta_info_is_named(tmp_path, capsys):
    (tmp_path / "wrong.json").write_text("[]")
    assert margins.main(["--scenes", "0", "--meta", str(tmp_path / "wrong.json")]) == 2
    assert "wrong.json" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["procedural", "layouts"])
def test_the_committed_mix_is_that_of_the_committed_numbers(source):
    report = json.loads(
        (margins.Path(margins.__file__).parent / "results" / "margins.json").read_text("utf8")
    )
    assert margins.mix(report["rooms"]) == report["mix"]
    assert any(name.startswith(source) for name in report["rooms"])
