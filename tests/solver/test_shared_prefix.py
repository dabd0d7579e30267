"""The packed pass against transformers' own forward on each question alone."""

import dataclasses

import pytest
import torch

from lightning_ouro.solver.answering import replies
from lightning_ouro.solver.loading import Lora, enable_gradient_checkpointing
from lightning_ouro.solver.packing import pack
from lightning_ouro.solver.patches import frames_to_patches, grid_of, joined_frames

from .conftest import make_video, ready, scored


def plain_inputs(loaded, encoder, video, prompt, answer):
    """Inputs of transformers' forward for one question, tokenized as a whole, and the number of answer tokens."""
    content = [{"type": "video"}] if video is not None else []
    content.append({"type": "text", "text": prompt})
    turns = [{"role": "user", "content": content}, {"role": "assistant", "content": answer}]
    text = loaded.tokenizer.apply_chat_template(turns, tokenize=False).removesuffix("\n")
    shown = "" if video is None else encoder.visual_text(video)
    text = text.replace("<|vision_start|><|video_pad|><|vision_end|>", shown)
    ids = torch.tensor([loaded.tokenizer(text, add_special_tokens=False)["input_ids"]])
    inputs = {"input_ids": ids}
    if video is not None:
        inputs["pixel_values_videos"] = frames_to_patches(joined_frames(video, loaded.spec), loaded.spec)
        inputs["video_grid_thw"] = torch.tensor([grid_of(video, loaded.spec)])
        inputs["mm_token_type_ids"] = 2 * (ids == loaded.qwen.config.video_token_id).int()
    return inputs, len(loaded.tokenizer(answer, add_special_tokens=False)["input_ids"]) + 1


def plain_losses(loaded, encoder, rows, groups):
    """Loss and confidence of each question alone through transformers' forward; gradients add up in the model."""
    results = []
    for row, group in zip(rows, groups, strict=True):
        for question in group:
            inputs, size = plain_inputs(loaded, encoder, row.video, question.prompt, question.answer)
            loaded.qwen.model.rope_deltas = None
            logits = loaded.net(**inputs).logits[0, -size - 1 : -1].float()
            tokens = torch.nn.functional.cross_entropy(
                logits, inputs["input_ids"][0, -size:], reduction="none"
            )
            tokens.mean().backward()
            results.append((tokens.mean().item(), torch.exp(-tokens[:-1].mean()).item()))
    return torch.tensor(results).T


def rows_of(encoder, questions, sizes):
    """Rows of given numbers of questions, each with a video of its own (without one if negative), and the questions."""
    rows, groups = [], []
    for seed, size in enumerate(sizes):
        group = [questions[(seed + index) % len(questions)] for index in range(abs(size))]
        video = None if size < 0 else make_video(seed, num_frames=2 + 2 * seed)
        rows.append(encoder.row(video, [q.prompt for q in group], [q.answer for q in group]))
        groups.append(group)
    return rows, groups


def pop_gradients(net):
    gradients = {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}
    net.zero_grad()
    return gradients


CASES = [  # trained weights, questions of each row, gradient checkpointing, cached features
    ("full", [5, 2, -2], False, False),
    ("full", [3, 1], True, False),
    ("language_model", [1, 4], False, True),
    ("language_model", [5, -1], True, True),
    ("lora", [5, 2, -2], False, False),
    ("lora", [1], False, False),
    ("lora", [3, 1, 4], True, True),
    ("lora", [32], False, True),
]


@pytest.mark.parametrize(("kind", "sizes", "checkpointing", "cached"), CASES, ids=map(str, CASES))
def test_losses_and_gradients_equal_those_of_each_question_alone(
    encoder, questions, kind, sizes, checkpointing, cached
):
    lora = Lora(rank=4) if kind == "lora" else None
    train = "language_model" if kind == "language_model" else "all"
    loaded, tower = ready(lora, 1, cached, train)
    plain, _ = ready(lora, 1, train=train)
    if checkpointing:
        enable_gradient_checkpointing(loaded.qwen)
    rows, groups = rows_of(encoder, questions, sizes)
    for _ in range(2 if cached else 1):  # the second time from the cache, where the tower is frozen
        loaded.net.zero_grad()
        result = scored(loaded, tower, rows)
        result.loss.sum().backward()
    packed_gradients = pop_gradients(loaded.net)
    loss, confidence = plain_losses(plain, encoder, rows, groups)
    torch.testing.assert_close(result.loss.detach(), loss, rtol=1e-5, atol=0)
    torch.testing.assert_close(result.confidence, confidence, rtol=1e-5, atol=0)
    plain_gradients = pop_gradients(plain.net)
    assert packed_gradients.keys() == plain_gradients.keys()
    for name, gradient in packed_gradients.items():
        reference = plain_gradients[name]
        assert torch.linalg.norm(gradient - reference) <= 1e-5 * torch.linalg.norm(reference), name


def test_bfloat16_losses_are_as_close_to_float32_as_the_plain_ones(encoder, questions):
    rows, groups = rows_of(encoder, questions, [5, 4])
    exact, tower = ready(seed=1)
    truth = scored(exact, tower, rows).loss.detach()
    loaded, tower = ready(seed=1, dtype="bfloat16")
    plain, _ = ready(seed=1, dtype="bfloat16")
    packed_loss = scored(loaded, tower, rows).loss.detach()
    plain_loss, _ = plain_losses(plain, encoder, rows, groups)
    assert loaded.qwen.dtype == torch.bfloat16 and packed_loss.dtype == torch.float32
    assert (packed_loss - truth).norm() <= 1.5 * (plain_loss - truth).norm()


@pytest.fixture(scope="module")
def solver():
    return ready(seed=4)


def test_replacing_a_question_by_one_as_long_leaves_other_losses_bit_identical(solver, encoder, questions):
    first, second = questions[0], questions[4]

    def losses(last):
        group = [first, second, last]
        rows = [encoder.row(make_video(0), [q.prompt for q in group], [q.answer for q in group])]
        rows.append(encoder.row(make_video(1), [second.prompt], [second.answer]))
        with torch.no_grad():
            return scored(*solver, rows).loss[[0, 1, 3]]

    twin = dataclasses.replace(first, answer="7")
    assert len(encoder.suffix(first.prompt, "4").ids) == len(encoder.suffix(first.prompt, "7").ids)
    assert torch.equal(losses(first), losses(twin))


def test_order_and_grouping_of_questions_change_losses_by_rounding_only(solver, encoder, questions):
    def losses(*groups):
        rows = [
            encoder.row(make_video(seed), [q.prompt for q in group], [q.answer for q in group])
            for seed, group in groups
        ]
        with torch.no_grad():
            values = scored(*solver, rows).loss.tolist()
        names = [(seed, question.id) for seed, group in groups for question in group]
        return dict(zip(names, values, strict=True))

    expected = losses((0, questions), (1, questions[1:3]))
    for regrouped in (
        losses((1, questions[1:3]), (0, questions)),
        losses((0, questions[::-1]), (1, questions[2:0:-1])),
        losses((0, questions[:2]), (0, questions[2:]), (1, questions[1:2]), (1, questions[2:3])),
    ):
        for name, value in regrouped.items():
            assert value == pytest.approx(expected[name], rel=1e-6)


def test_a_video_of_several_rows_goes_through_the_vision_tower_once(encoder, questions):
    loaded, tower = ready(Lora(), cached=True)
    video, copy = make_video(3), make_video(3)
    rows = [encoder.row(video, [q.prompt], [q.answer]) for q in questions[:3]]
    first = scored(loaded, tower, rows).loss.detach()
    assert tower.calls == 1
    again = [encoder.row(copy, [q.prompt], [q.answer]) for q in questions[:3]]  # equal pixels, another object
    assert torch.equal(scored(loaded, tower, again).loss.detach(), first) and tower.calls == 1


def test_greedy_replies_equal_those_of_generate_on_each_question_alone(encoder, questions):
    loaded, tower = ready(seed=3)
    loaded.net.eval()
    with torch.no_grad():  # sharpens logits and attention: no ties within rounding, and every position counts
        loaded.qwen.model.language_model.norm.weight.mul_(20)
        for layer in loaded.qwen.model.language_model.layers:
            layer.self_attn.q_norm.weight.mul_(6)
            layer.self_attn.v_proj.weight.mul_(10)
    rows = [encoder.row(make_video(s), [q.prompt for q in questions], [None] * 5) for s in range(2)]
    end = loaded.qwen.config.text_config.eos_token_id
    features = tower.features([row.video for row in rows])
    written = replies(loaded.qwen, pack(rows), features, end, max_new_tokens=6)
    expected = []
    for row in rows:
        for question in questions:
            inputs, _ = plain_inputs(loaded, encoder, row.video, question.prompt, "")
            inputs["input_ids"] = inputs["input_ids"][:, :-1]  # the model writes the end of the turn itself
            if "mm_token_type_ids" in inputs:
                inputs["mm_token_type_ids"] = inputs["mm_token_type_ids"][:, :-1]
            generated = loaded.qwen.generate(
                **inputs, max_new_tokens=6, do_sample=False, eos_token_id=end, pad_token_id=0
            )
            reply = generated[0, inputs["input_ids"].shape[1] :].tolist()
            expected.append(reply[: reply.index(end)] if end in reply else reply)
    assert written == expected
