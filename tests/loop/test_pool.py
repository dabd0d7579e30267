from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from lightning_ouro.loop.common_answers import MIN_ALLOWED_REPEATS
from lightning_ouro.loop.files import RoundFiles
from lightning_ouro.loop.pool import Pool
from lightning_ouro.programs import source
from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import LETTERS, Proposal
from lightning_ouro.programs.verification import Verified

SIDES = {
    "easy": ("left", "right"),
    "medium": ("left", "right", "back"),
    "hard": ("front-left", "back-left", "back-right", "front-right"),
}


def verified(name, roles, answer, scene="s0", slot=0, program=None):
    family = FAMILIES[name]
    program = program or family.program(roles)
    proposal = Proposal(scene, name, family.forms[0].write(roles), program, "test", 0, slot)
    options = None if answer.among is None else tuple(sorted(answer.among))
    id = source.identity(scene, name, source.read(program))
    return Verified(
        proposal, id, name, answer, options, 1.0, family.canonical(roles), family.key(scene, roles)
    )


def side(value, scene, level="easy"):
    roles = {"standing": ("bed",), "facing": ("sofa",), "target": ("tv",)}
    name = f"object_rel_direction_{level}"
    return verified(name, roles, TypedAnswer("choice", value, SIDES[level]), scene)


NAMES = ("tv", "bed", "sofa", "stove")


def nearest(scene, value="tv", target="lamp"):
    options = NAMES
    return verified(
        "object_rel_distance",
        {"target": (target,), "options": options},
        TypedAnswer("choice", value, options),
        scene,
    )


def chairs(number, scene, *names):
    return verified("object_counting", {"object": names or ("chair",)}, TypedAnswer("count", number), scene)


def reasons(rejections):
    return [rejection.reason for rejection in rejections]


def test_a_number_becomes_a_question_with_a_unit():
    pool = Pool()
    (question,), rejected = pool.admit([chairs(3, "s0")], round_index=2)
    assert not rejected
    assert (question.answer, question.unit, question.options, question.round) == ("3", "count", None, 2)
    assert question.text == "How many chair(s) are in this room?"
    assert pool.questions == (question,)
    assert len(pool) == 1


def test_what_was_asked_before_is_rejected_in_and_across_rounds():
    pool = Pool()
    pair = {"pair": ("bed", "tv")}
    swapped = {"pair": ("tv", "bed")}
    first = verified("object_abs_distance", pair, TypedAnswer("metres", 2.0))
    second = verified("object_abs_distance", swapped, TypedAnswer("metres", 2.0))
    assert reasons(pool.admit([first, second], 0)[1]) == ["asked_before"]
    assert reasons(pool.admit([second], 1)[1]) == ["asked_before"]
    elsewhere = verified("object_abs_distance", pair, TypedAnswer("metres", 2.0), scene="s1")
    assert len(pool.admit([elsewhere], 1)[0]) == 1
    assert pool.keys_by_scene() == {"s0": {first.key}, "s1": {elsewhere.key}}


def test_one_program_under_two_texts_is_one_question():
    program = "def answer(scene):\n    return count(2)\n"
    two = [
        verified("object_counting", {"object": (name,)}, TypedAnswer("count", 2), program=program)
        for name in ("cup", "bed")
    ]
    assert reasons(Pool().admit(two, 0)[1]) == ["asked_before"]


def test_the_commonest_number_stays_at_two_fifths():
    pool = Pool()
    stream = [chairs(2 if i % 4 else 3 + i % 7, f"s{i}") for i in range(400)]
    accepted, rejected = pool.admit(stream, 0)
    assert set(reasons(rejected)) == {"common"}
    assert max(Counter(question.answer for question in accepted).values()) <= 0.4 * len(accepted)


@pytest.mark.parametrize(("level", "limit"), [("easy", 0.6), ("medium", 1 / 3 + 0.1), ("hard", 0.35)])
def test_the_commonest_side_stays_ten_points_above_chance(level, limit):
    names = SIDES[level]
    rng = np.random.default_rng(0)
    shares = [0.7, *[0.3 / (len(names) - 1)] * (len(names) - 1)]
    accepted, rejected = Pool().admit(
        [side(rng.choice(names, p=shares), f"s{i}", level) for i in range(500)], 0
    )
    values = Counter(question.options[LETTERS.index(question.answer)] for question in accepted)
    assert rejected
    assert max(values.values()) <= limit * len(accepted) + 1e-9


def test_the_first_few_questions_get_in_whatever_their_answer():
    pairs = [chairs(2, f"s{i}", f"thing {i}") for i in range(MIN_ALLOWED_REPEATS + 1)]
    accepted, rejected = Pool().admit(pairs, 0)
    assert (len(accepted), reasons(rejected)) == (MIN_ALLOWED_REPEATS, ["common"])


def test_a_category_that_is_nearest_too_often_is_common():
    stream = [nearest(f"s{i}", ("tv", "tv", "bed", "sofa", "stove")[i % 5]) for i in range(200)]
    accepted, rejected = Pool().admit(stream, 0)
    assert set(reasons(rejected)) == {"common"}
    values = Counter(question.options[LETTERS.index(question.answer)] for question in accepted)
    assert values["tv"] <= 0.35 * len(accepted)


def test_three_of_four_answers_go_on_side_by_side():
    stream = [nearest(f"s{i}", ("tv", "bed", "sofa")[i % 3]) for i in range(90)]
    accepted, rejected = Pool().admit(stream, 0)
    assert (len(accepted), rejected) == (90, [])


def order(scene, names):
    among = tuple(", ".join(names) for names in permutations(names))
    answer = TypedAnswer("choice", ", ".join(names), among)
    return verified("obj_appearance_order", {"objects": tuple(sorted(names))}, answer, scene)


def test_of_many_choices_four_are_shown_the_right_one_among_them():
    orders = list(permutations(NAMES))[:5]
    accepted, _ = Pool().admit([order(f"s{i}", names) for i, names in enumerate(orders)], 0)
    assert len(accepted) == 5
    for question, names in zip(accepted, orders, strict=True):
        assert len(set(question.options)) == 4
        assert question.options[LETTERS.index(question.answer)] == ", ".join(names)
    assert len({question.options for question in accepted}) == 5


def opened(scene, slot):
    program = f"def answer(scene):\n    return metres({slot + 1}.5)\n"
    proposal = Proposal(scene, "open", "How high is the sofa?", program, "test", 0, slot)
    roles = {"objects": ("sofa",)}
    id = source.identity(scene, "open", source.read(program))
    answer = TypedAnswer("metres", slot + 1.5)
    return Verified(proposal, id, "open", answer, None, 1.0, roles, FAMILIES["open"].key(scene, roles))


def test_open_questions_are_a_tenth_of_a_round_at_most_and_wait_for_the_others():
    plain = [chairs(2 + i % 9, f"s{i}") for i in range(30)]
    accepted, rejected = Pool().admit([*(opened(f"o{i}", i) for i in range(10)), *plain], 0)
    assert [question.family for question in accepted[-3:]] == ["open"] * 3
    assert (len(accepted), reasons(rejected)) == (33, ["common"] * 7)
    assert "open" in rejected[0].detail


def test_letters_are_level_and_point_at_the_answer():
    pool = Pool()
    accepted = [
        question for i in range(43) for question in pool.admit([nearest(f"s{i}", NAMES[i % 4])], 0)[0]
    ]
    letters = Counter(question.answer for question in accepted)
    assert set(letters) == set("ABCD")
    assert max(letters.values()) - min(letters.values()) <= 1
    for i, question in enumerate(accepted):
        assert question.options[LETTERS.index(question.answer)] == NAMES[i % 4]
    assert len({question.options for question in accepted}) > 12


def test_letters_do_not_follow_answers_that_alternate():
    accepted, _ = Pool().admit([side(("left", "right")[i % 2], f"s{i}") for i in range(200)], 0)
    pairs = Counter(
        (question.answer, question.options[LETTERS.index(question.answer)]) for question in accepted
    )
    assert len(pairs) == 4
    assert min(pairs.values()) > 30


def test_the_text_lists_options_in_the_order_of_their_letters():
    accepted, _ = Pool().admit([nearest(f"s{i}", target=f"thing {i}") for i in range(5)], 0)
    assert len(accepted) == 5
    for question in accepted:
        assert f"({', '.join(question.options)})" in question.text


def stream():
    rng = np.random.default_rng(1)
    for i in range(120):
        kind, scene = i % 3, f"s{i % 90}"
        yield (
            chairs(int(rng.integers(2, 5)), scene)
            if kind == 0
            else nearest(scene, rng.choice(["tv", "bed"]))
            if (kind == 1)
            else side(rng.choice(["left", "right"]), scene)
        )


def test_a_restored_pool_goes_on_as_the_first_would_have(tmp_path):
    items = list(stream())
    kept, written = Pool(), Pool(RoundFiles(tmp_path))
    kept.admit(items[:70], 0)
    written.write_round(0, *written.admit(items[:70], 0))
    restored = Pool(RoundFiles(tmp_path))
    restored.load_state_dict(written.state_dict())
    assert restored.questions == written.questions
    assert restored.admit(items[70:], 1) == kept.admit(items[70:], 1)
    assert restored.questions == kept.questions
    assert restored.keys_by_scene() == kept.keys_by_scene()


def test_a_copy_admits_what_the_pool_would_and_leaves_the_pool_alone():
    items = list(stream())
    pool = Pool()
    pool.admit(items[:70], 0)
    before = pool.questions
    assert pool.copy().admit(items[70:], 1)[0]
    assert pool.questions == before
