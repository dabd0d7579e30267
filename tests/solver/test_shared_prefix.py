"""The packed pass against transformers' own forward on each question alone."""

import pytest
import torch

from lightning_ouro.solver.answering import greedy_answers
from lightning_ouro.solver.loading import Lora, load
from lightning_ouro.solver.packing import pack
from lightning_ouro.solver.patches import frames_to_patches, video_grid
from lightning_ouro.solver.shared_prefix import score

from .conftest import make_video


def rows_of(encoder, questions):
    """Three rows: five questions, two questions, and two questions asked blind."""
    videos = [make_video(0), make_video(1), None]
    shares = [questions, questions[1:3], questions[2:4]]
    rows = [encoder.row(v, [q.prompt for q in s], [q.answer for q in s]) for v, s in zip(videos, shares, strict=True)]
    return rows, shares


def alone(loaded, encoder, video, prompt, answer):
    """Arguments of the plain forward for one question, tokenised whole, and the number of answer tokens."""
    content = [{"type": "video"}] if video is not None else []
    content.append({"type": "text", "text": prompt})
    turns = [{"role": "user", "content": content}, {"role": "assistant", "content": answer}]
    text = loaded.tokenizer.apply_chat_template(turns, tokenize=False).removesuffix("\n")
    text = text.replace("<|vision_start|><|video_pad|><|vision_end|>", encoder.video_text(video))
    ids = torch.tensor([loaded.tokenizer(text, add_special_tokens=False)["input_ids"]])
    inputs = {"input_ids": ids}
    if video is not None:
        inputs["pixel_values_videos"] = frames_to_patches(video.frames, loaded.spec)
        inputs["video_grid_thw"] = torch.tensor([video_grid(video.frames.shape, loaded.spec)])
        inputs["mm_token_type_ids"] = 2 * (ids == loaded.qwen.config.video_token_id).int()
    return inputs, len(loaded.tokenizer(answer, add_special_tokens=False)["input_ids"]) + 1


def losses_alone(loaded, encoder, rows, shares):
    """Loss and confidence of each question by itself through the plain forward; gradients add up in the model."""
    found = []
    for row, share in zip(rows, shares, strict=True):
        for question in share:
            inputs, size = alone(loaded, encoder, row.video, question.prompt, question.answer)
            loaded.qwen.model.rope_deltas = None
            logits = loaded.net(**inputs).logits[0, -size - 1 : -1].float()
            tokens = torch.nn.functional.cross_entropy(logits, inputs["input_ids"][0, -size:], reduction="none")
            tokens.mean().backward()
            found.append((tokens.mean().item(), torch.exp(-tokens[:-1].mean()).item()))
    return torch.tensor(found).T


@pytest.mark.parametrize("lora", [None, Lora(rank=4)], ids=["full", "lora"])
def test_losses_confidences_and_gradients_equal_those_of_each_question_alone(encoder, questions, lora):
    loaded = load("tiny", "random", lora, seed=1)
    if lora is not None:  # LoRA's B is zero at first, which would hide A's gradient
        for name, parameter in loaded.net.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.05, generator=torch.Generator().manual_seed(2))
    rows, shares = rows_of(encoder, questions)
    scored = score(loaded.qwen, rows, pack(rows), loaded.spec)
    scored.loss.sum().backward()
    packed = {name: p.grad.clone() for name, p in loaded.net.named_parameters() if p.grad is not None}
    loaded.net.zero_grad()
    loss, confidence = losses_alone(loaded, encoder, rows, shares)
    torch.testing.assert_close(scored.loss.detach(), loss, rtol=1e-5, atol=0)
    torch.testing.assert_close(scored.confidence, confidence, rtol=1e-5, atol=0)
    for name, gradient in packed.items():
        plain = dict(loaded.net.named_parameters())[name].grad
        assert torch.linalg.norm(gradient - plain) <= 1e-5 * torch.linalg.norm(plain), name


def test_another_question_in_the_row_changes_no_loss_by_a_bit(loaded, encoder, questions):
    one, other = questions[0], questions[3]
    longer = questions[4]

    def losses(last):
        row = encoder.row(
            make_video(0), [q.prompt for q in (one, longer, last)], [one.answer, longer.answer, last.answer]
        )
        with torch.no_grad():
            return score(loaded.qwen, [row], pack([row]), loaded.spec).loss[:2]

    same_length = encoder.suffix(one.prompt, "4"), encoder.suffix(one.prompt, "7")
    assert len(same_length[0].ids) == len(same_length[1].ids)
    assert torch.equal(losses(one), losses(make_twin(one, "7")))
    torch.testing.assert_close(losses(one), losses(other), rtol=1e-6, atol=0)


def make_twin(question, answer):
    from dataclasses import replace

    return replace(question, answer=answer)


def test_greedy_replies_are_those_of_generate_on_each_question_alone(encoder, questions):
    loaded = load("tiny", "random", None, seed=3)
    loaded.net.eval()
    with torch.no_grad():  # sharpen logits and attention: no ties within rounding, and every position counts
        loaded.qwen.model.language_model.norm.weight.mul_(20)
        for layer in loaded.qwen.model.language_model.layers:
            layer.self_attn.q_norm.weight.mul_(6)
            layer.self_attn.v_proj.weight.mul_(10)
    rows = [encoder.row(make_video(s), [q.prompt for q in questions], [None] * 5) for s in range(2)]
    end = loaded.qwen.config.text_config.eos_token_id
    replies = greedy_answers(loaded.qwen, rows, pack(rows), loaded.spec, end, max_new_tokens=6)
    expected = []
    for row in rows:
        for question in questions:
            inputs, _ = alone(loaded, encoder, row.video, question.prompt, "")
            inputs["input_ids"] = inputs["input_ids"][:, :-1]  # the end of the turn is for the model to write
            if "mm_token_type_ids" in inputs:
                inputs["mm_token_type_ids"] = inputs["mm_token_type_ids"][:, :-1]
            written = loaded.qwen.generate(
                **inputs, max_new_tokens=6, do_sample=False, eos_token_id=end, pad_token_id=0
            )
            reply = written[0, inputs["input_ids"].shape[1] :].tolist()
            expected.append(reply[: reply.index(end)] if end in reply else reply)
    assert replies == expected
