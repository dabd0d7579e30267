import torch

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
            shown = packed.segments[key] == 0 or packed.segments[key] == packed.segments[query]
            assert mask[query, key] == bool(same_row and shown and key <= query)


def test_rows_lie_behind_each_other_without_a_gap(encoder, questions):
    rows = [encoder.row(make_video(s), [q.prompt for q in questions], [None] * 5) for s in range(3)]
    packed = pack(rows)
    assert [span.start for span in packed.spans] == [0, *(span.end for span in packed.spans[:-1])]
    assert (
        packed.spans[-1].end
        == len(packed.ids)
        == sum(len(row.prefix.ids) + sum(len(suffix.ids) for suffix in row.suffixes) for row in rows)
    )
    for number, (row, span) in enumerate(zip(rows, packed.spans, strict=True)):
        joined = torch.cat([row.prefix.ids, *(suffix.ids for suffix in row.suffixes)])
        assert torch.equal(packed.ids[span.start : span.end], joined)
        assert (packed.rows[span.start : span.end] == number).all()
        assert torch.equal(
            packed.segments[span.start : span.end].bincount(), torch.tensor([span.prefix, *span.suffixes])
        )


def test_each_answer_token_is_predicted_by_the_token_before_it(encoder, questions):
    rows = [
        encoder.row(make_video(0), [q.prompt for q in part], [q.answer for q in part])
        for part in (questions, questions[:1])
    ]
    packed = pack(rows)
    assert packed.num_questions == 6
    assert torch.equal(packed.ids[packed.target_index + 1], packed.target_ids)
    for number, question in enumerate([*questions, questions[0]]):
        mine = packed.target_question == number
        content = packed.target_ids[mine & packed.target_is_content]
        assert encoder.tokenizer.decode(content) == question.answer
        assert encoder.tokenizer.decode(packed.target_ids[mine]) == question.answer + "<|im_end|>"
        assert packed.question_end[number] == packed.target_index[mine].max() + 1


def test_every_question_starts_at_the_same_position_behind_the_prefix(encoder, questions):
    row = encoder.row(make_video(0), [q.prompt for q in questions], [None] * len(questions))
    packed = pack([row])
    starts = [int((packed.segments == segment).nonzero()[0]) for segment in range(1, 6)]
    assert {tuple(packed.positions[:, start].tolist()) for start in starts} == {
        (row.prefix.next_position,) * 3
    }
    assert packed.question_next.tolist() == [
        row.prefix.next_position + len(suffix.ids) for suffix in row.suffixes
    ]
