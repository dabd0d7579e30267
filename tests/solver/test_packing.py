import dataclasses

import pytest
import torch
from jaxtyping import TypeCheckError

from lightning_ouro.solver.packing import dense_mask, pack

from .conftest import make_video


def test_a_token_sees_its_rows_prefix_and_its_own_question_up_to_itself(encoder, questions):
    rows = [
        encoder.row(make_video(0, 2, 32, 32), [q.prompt for q in part], [q.answer for q in part])
        for part in (questions[:2], questions[2:3])
    ]
    packed = pack(rows)
    mask = dense_mask(packed)
    for query in range(len(packed.ids)):
        for key in range(len(packed.ids)):
            same_row = packed.rows[query] == packed.rows[key]
            visible = packed.segments[key] == 0 or packed.segments[key] == packed.segments[query]
            assert mask[query, key] == bool(same_row and visible and key <= query)


def test_rows_follow_each_other_without_a_gap(encoder, questions):
    rows = [encoder.row(make_video(s), [q.prompt for q in questions], [None] * 5) for s in range(3)]
    packed = pack(rows)
    assert [span.start for span in packed.spans] == [0, *(span.end for span in packed.spans[:-1])]
    tokens = sum(len(row.prefix.ids) + sum(len(suffix.ids) for suffix in row.suffixes) for row in rows)
    assert packed.spans[-1].end == len(packed.ids) == tokens
    for number, (row, span) in enumerate(zip(rows, packed.spans, strict=True)):
        joined = torch.cat([row.prefix.ids, *(suffix.ids for suffix in row.suffixes)])
        assert torch.equal(packed.ids[span.start : span.end], joined)
        assert (packed.rows[span.start : span.end] == number).all()
        lengths = packed.segments[span.start : span.end].bincount()
        assert torch.equal(lengths, torch.tensor([span.prefix, *span.suffixes]))


def test_each_answer_token_is_predicted_by_the_token_before_it(encoder, questions):
    rows = [
        encoder.row(make_video(0), [q.prompt for q in part], [q.answer for q in part])
        for part in (questions, questions[:1])
    ]
    packed = pack(rows)
    assert packed.num_questions == 6
    assert torch.equal(packed.ids[packed.target_index + 1], packed.target_ids)
    for number, question in enumerate([*questions, questions[0]]):
        is_own = packed.target_question == number
        content = packed.target_ids[is_own & packed.target_is_content]
        assert encoder.tokenizer.decode(content) == question.answer
        assert encoder.tokenizer.decode(packed.target_ids[is_own]) == question.answer + "<|im_end|>"
        assert packed.question_end[number] == packed.target_index[is_own].max() + 1


def test_every_question_starts_at_the_position_after_the_prefix(encoder, questions):
    row = encoder.row(make_video(0), [q.prompt for q in questions], [None] * len(questions))
    packed = pack([row])
    starts = [int((packed.segments == segment).nonzero()[0]) for segment in range(1, 6)]
    first_positions = {tuple(packed.positions[:, start].tolist()) for start in starts}
    assert first_positions == {(row.prefix.next_position,) * 3}
    next_positions = [row.prefix.next_position + len(suffix.ids) for suffix in row.suffixes]
    assert packed.question_next.tolist() == next_positions


def test_tensors_of_different_lengths_do_not_make_a_batch(encoder, questions):
    packed = pack([encoder.row(make_video(0), [questions[0].prompt], [questions[0].answer])])
    with pytest.raises(TypeCheckError, match="positions"):
        dataclasses.replace(packed, positions=packed.positions[:, 1:])
