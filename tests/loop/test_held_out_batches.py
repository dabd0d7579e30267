"""Batches of two sets of fixed questions, for one rank and for two."""

from collections import Counter

import pytest

from lightning_ouro.loop.fixed_questions import fixed_sets
from lightning_ouro.loop.held_out_batches import held_out_batches
from lightning_ouro.loop.rounds import RankShard


@pytest.fixture(scope="module")
def sets(library):
    return fixed_sets(library, list(library.values()), 6, show_progress=False).by_set


def pairs(batches):
    return [(name, question.id) for batch in batches for name, question in batch.questions()]


def written(sets):
    return [(name, question.id) for name, questions in sets.items() for question in questions]


def test_every_question_is_asked_once_in_its_own_set(library, sets):
    batches = list(held_out_batches(library, sets, 1, RankShard()))
    assert sorted(pairs(batches)) == sorted(written(sets))
    for batch in batches:
        for row, names in zip(batch.rows, batch.sets, strict=True):
            assert len(names) == len(row.questions)
            assert {library.video(question.scene_id) for question in row.questions} == {row.video}


def test_two_ranks_share_the_scenes_and_know_the_same_families(library, sets):
    shares = [list(held_out_batches(library, sets, 1, RankShard(rank, 2))) for rank in (0, 1)]
    assert sorted(pairs(shares[0]) + pairs(shares[1])) == sorted(written(sets))
    drops = Counter(drop for share in shares for batch in share for drop in map(key, batch.drops))
    alone = Counter(
        key(drop) for batch in held_out_batches(library, sets, 1, RankShard()) for drop in batch.drops
    )
    assert drops == alone
    families = [batch.families for share in shares for batch in share]
    expected = {name: tuple(sorted({item.family for item in items})) for name, items in sets.items()}
    assert all(each == expected for each in families)


def key(drop):
    return drop.set, drop.row.questions[0].id


def test_a_set_that_asks_about_other_scenes_gets_rows_of_its_own(library, sets):
    first, *others = library.ids
    parted = {
        "vsi_bench": [question for question in sets["vsi_bench"] if question.scene_id == first],
        "strict": [question for question in sets["strict"] if question.scene_id in others],
    }
    batches = list(held_out_batches(library, parted, 1, RankShard()))
    assert sorted(pairs(batches)) == sorted(written(parted))
    assert all(len(set(names)) == 1 for batch in batches for names in batch.sets)
