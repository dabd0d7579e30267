"""No category has one answer in more than half of its questions, and two answers do not shut each other out."""

import dataclasses
import json
from collections import Counter, defaultdict

import numpy as np
import pytest

from lightning_ouro.loop.common_answers import CommonAnswers, Given
from lightning_ouro.loop.files import RoundFiles
from lightning_ouro.loop.pool import Pool
from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.margins import STRICT, FamilyMargins
from lightning_ouro.programs.questions import LETTERS
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget

from .test_pool import chairs, reasons, side, verified


def metres(value, scene, *pair):
    return verified("object_abs_distance", {"pair": pair}, TypedAnswer("metres", value), scene)


def test_the_third_question_with_the_same_answer_about_a_category_is_common():
    accepted, rejected = Pool().admit([chairs(1, f"s{i}", "toilet") for i in range(5)], 0)
    assert (len(accepted), reasons(rejected)) == (2, ["common"] * 3)
    assert "of 3 questions of object_counting about toilet" in rejected[0].detail


def test_other_categories_and_families_are_not_concerned():
    pool = Pool()
    pool.admit([chairs(1, f"s{i}", "toilet") for i in range(2)], 0)
    others = [chairs(1, "s3", "bathtub"), metres(1.0, "s3", "toilet", "sink"), chairs(0, "s3", "toilet")]
    assert pool.admit(others, 0)[1] == []


def test_a_question_about_two_categories_counts_for_both():
    pool = Pool()
    pool.admit([chairs(3, "a", "bed", "tv"), chairs(3, "b", "bed", "lamp"), chairs(3, "c", "tv", "sofa")], 0)
    again = [chairs(3, "d", name) for name in ("bed", "tv", "lamp")]
    accepted, rejected = pool.admit(again, 0)
    assert [question.objects["object"] for question in accepted] == [("lamp",)]
    assert reasons(rejected) == ["common", "common"]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ((2.0, 2.1, 2.2), 2),
        ((2.0, 2.1, 2.3), 2),  # 2.0 and 2.3 differ, but 2.1 is about the same as either
        ((2.0, 2.0, 2.3), 3),
        ((1.0, 1.0, 1.2, 1.2, 1.4), 5),
    ],
)
def test_lengths_within_a_tenth_are_the_same_answer(values, kept):
    asked = [metres(value, f"s{i}", "bed", f"thing {i}") for i, value in enumerate(values)]
    assert len(Pool().admit(asked, 0)[0]) == kept


def test_counts_are_the_same_only_if_they_are_equal():
    accepted, _ = Pool().admit([chairs(30 + i, f"s{i}") for i in range(6)], 0)
    assert len(accepted) == 6


def test_two_answers_in_turn_never_shut_each_other_out():
    sides = [side(("left", "right")[i % 2], f"s{i}") for i in range(200)]
    assert len(Pool().admit(sides, 0)[0]) == 200
    pairs = [side(("left", "right")[i // 2 % 2], f"s{i}") for i in range(200)]
    assert len(Pool().admit(pairs, 0)[0]) == 199  # once one has to wait for the other


def is_kept(questions):
    """Whether no category has an answer, or numbers around one, in more than the larger half; from three on."""
    about = defaultdict(list)
    for question in questions:
        family = FAMILIES[question.family]
        value = question.options[LETTERS.index(question.answer)] if question.options else question.answer
        if family.main_role not in family.words:
            for name in question.objects.get(family.main_role, ()):
                about[family.name, name].append((question.unit, value))
    for answers in about.values():
        for unit, value in answers:
            near = [
                other
                for kind, other in answers
                if kind == unit
                and (
                    value == other
                    or (
                        unit in ("m", "cm", "m2")
                        and abs(float(value) - float(other)) <= 0.1 * max(float(value), float(other))
                    )
                )
            ]
            if len(answers) > 2 and len(near) > (len(answers) + 1) // 2:
                return False
    return True


def test_it_holds_after_every_question_whatever_comes_in():
    rng, pool = np.random.default_rng(0), Pool()
    for i in range(400):
        kind, names = int(rng.integers(3)), [f"thing {j}" for j in rng.permutation(4)[:2]]
        number = float(rng.choice([1.0, 1.1, 1.2, 2.0, 2.1, 3.0], p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.1]))
        candidate = (
            chairs(int(number), f"s{i}", *names[: 1 + i % 2])
            if kind == 0
            else metres(number, f"s{i}", *names)
            if kind == 1
            else side(str(rng.choice(["left", "right"], p=[0.8, 0.2])), f"s{i}")
        )
        pool.admit([candidate], 0)
        assert is_kept(pool.questions)
    assert len(pool) > 150


def test_what_is_common_is_known_from_the_questions_alone(tmp_path):
    asked = [chairs(1 + i % 2 * (i % 3), f"s{i}", f"thing {i % 3}", "bed") for i in range(40)]
    whole, first = Pool(), Pool(RoundFiles(tmp_path))
    whole.admit(asked[:25], 0)
    first.write_round(0, *first.admit(asked[:25], 0))
    again = Pool(RoundFiles(tmp_path))
    again.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert again.admit(asked[25:], 1) == whole.admit(asked[25:], 1)


def test_words_and_times_are_no_categories():
    times = Given("camera_displacement", 0, "2.0", "m", {"times": ("0.0", "1.0")})
    moves = Given("camera_motion", 6, "left", None, {"times": ("0.0", "1.0"), "motion": ("move",)})
    assert times.categories == moves.categories == frozenset()
    answers = CommonAnswers()
    for given in (times, moves):
        answers.add(given)
        assert answers.too_common(given) is None


def test_questions_of_the_grammar_keep_it_and_no_number_rules_counting():
    margins = FamilyMargins(by_family={"object_counting": STRICT})
    pool, weights = (
        Pool(),
        {"object_counting": 3.0, "object_size_estimation": 1.0, "object_rel_distance": 1.0},
    )
    with Sandbox() as sandbox:
        verifier = Verifier(sandbox, margins=margins)
        for scene in procedural_scenes(660_000, 25):
            views = scene.footage.load(scene, FrameBudget(8, 48, 64)).views
            brief = Brief(scene, views, 8, 0, 0, weights, {}, {}, frozenset())
            brief = dataclasses.replace(brief, margins=margins)
            verdicts = verifier.verify(scene, views, list(GrammarProposer().write(brief)))
            pool.admit([item for item in verdicts if isinstance(item, Verified)], 0)
    assert is_kept(pool.questions)
    numbers = Counter(question.answer for question in pool.questions if question.family == "object_counting")
    assert numbers["0"] and numbers["1"] and max(numbers.values()) <= 0.41 * numbers.total()
