import torch

from lightning_ouro.solver.packing import attention_mask, pack

from .conftest import make_video


def test_a_token_sees_the_prefix_and_its_own_question_up_to_itself():
    segments = torch.tensor([[0, 0, 1, 1, 2, 2], [0, 1, 1, -1, -1, -1]])
    mask = attention_mask(segments)[:, 0].int()
    assert mask[0].tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [1, 1, 0, 0, 1, 1],
    ]
    assert mask[1, 2].tolist() == [1, 1, 1, 0, 0, 0]
    assert mask[:, :, 3:][1].tolist() == torch.eye(6).int()[:, 3:].tolist(), "nobody sees padding but itself"


def test_each_answer_token_is_predicted_by_the_token_before_it(encoder, questions):
    rows = [
        encoder.row(make_video(0), [q.prompt for q in part], [q.answer for q in part])
        for part in (questions, questions[:1])
    ]
    packed = pack(rows)
    assert packed.num_questions == 6
    following = packed.ids[packed.target_row, packed.target_column + 1]
    assert torch.equal(following, packed.target_ids)
    for number, question in enumerate([*questions, questions[0]]):
        mine = packed.target_question == number
        content = packed.target_ids[mine & packed.target_is_content]
        assert encoder.tokenizer.decode(content) == question.answer
        assert encoder.tokenizer.decode(packed.target_ids[mine]) == question.answer + "<|im_end|>"


def test_every_question_starts_at_the_same_position_behind_the_prefix(encoder, questions):
    row = encoder.row(make_video(0), [q.prompt for q in questions], [None] * len(questions))
    packed = pack([row])
    starts = [int((packed.segments[0] == segment).nonzero()[0]) for segment in range(1, 6)]
    assert {tuple(packed.positions[:, 0, start].tolist()) for start in starts} == {(row.prefix.next_position,) * 3}
    assert packed.question_next.tolist() == [row.prefix.next_position + len(suffix.ids) for suffix in row.suffixes]
