import copy
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import VIDEO_PROMPT
from lightning_ouro.solver.encoding import RowEncoder, mrope_positions
from lightning_ouro.solver.installed_processor import installed_video_form
from lightning_ouro.solver.patches import grid_of
from lightning_ouro.solver.prompt_form import PromptForm

from .conftest import make_video


def conversation_ids(tokenizer, encoder, video, question):
    """Token ids of the whole conversation, from template and tokenizer alone."""
    user = [{"type": "video"}, {"type": "text", "text": question.prompt}]
    turns = [{"role": "user", "content": user}, {"role": "assistant", "content": question.answer}]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    text = text.replace("<|vision_start|><|video_pad|><|vision_end|>", encoder.visual_text(video))
    return tokenizer(text.removesuffix("\n"), add_special_tokens=False)["input_ids"]


@pytest.fixture(params=["tiny", "qwen3_vl_4b"])
def any_encoder(request, encoder):
    if request.param == "tiny":
        return encoder
    folder = request.getfixturevalue("shared_data") / "qwen3_vl_4b"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = json.loads((folder / "chat_template.json").read_text("utf8"))["chat_template"]
    config = copy.deepcopy(encoder.config)
    config.video_token_id = tokenizer.convert_tokens_to_ids("<|video_pad|>")
    return RowEncoder(tokenizer, config, encoder.spec)


def test_prefix_and_suffix_join_to_the_whole_conversation_in_every_family(any_encoder, family_questions):
    video = make_video(0)
    for question in family_questions:
        row = any_encoder.row(video, [question.prompt], [question.answer])
        suffix = row.suffixes[0]
        joined = torch.cat([row.prefix.ids, suffix.ids]).tolist()
        assert joined == conversation_ids(any_encoder.tokenizer, any_encoder, video, question), (
            question.family
        )
        answer = suffix.ids[suffix.answer_start : suffix.answer_start + suffix.num_content]
        assert any_encoder.tokenizer.decode(answer) == question.answer


def test_questions_of_a_video_share_all_tokens_before_the_question(any_encoder, family_questions):
    video = make_video(0)
    prefix = any_encoder.prefix(video).ids.tolist()
    assert any_encoder.tokenizer.decode(prefix).endswith(VIDEO_PROMPT)
    for question in family_questions:
        ids = conversation_ids(any_encoder.tokenizer, any_encoder, video, question)
        assert ids[: len(prefix)] == prefix


class VideoProcessor:
    """Answers as transformers' own would, which needs torchvision, of a video that needs no resizing."""

    patch_size, temporal_patch_size, merge_size, model_input_names = 16, 2, 2, ()

    def __call__(self, videos, fps, **kwargs):
        number, height, width = np.array(videos[0]).shape[:3]
        times = SimpleNamespace(fps=fps, frames_indices=[17 * index for index in range(number)])
        grid = np.array([[-(-number // 2), height // 16, width // 16]])
        return {"pixel_values_videos": np.zeros(1), "video_grid_thw": grid, "video_metadata": [times]}


def processor_with(tokenizer):
    """The installed Qwen3VLProcessor, whose own __init__ insists on transformers' video processor."""
    processor = object.__new__(Qwen3VLProcessor)
    processor.tokenizer, processor.video_processor, processor.image_processor = (
        tokenizer,
        VideoProcessor(),
        None,
    )
    for name in ("video_pad", "image_pad", "vision_start", "vision_end"):
        attribute, token = f"{name.removesuffix('_pad')}_token", f"<|{name}|>"
        setattr(processor, attribute, token)
        setattr(processor, f"{attribute}_id", tokenizer.convert_tokens_to_ids(token))
    return processor


@pytest.mark.parametrize("num_frames", [1, 6, 7])
@pytest.mark.parametrize("before", ["", "Look at this: ", "\n\n", "<"])
def test_a_turn_has_the_tokens_that_the_installed_processor_gives_it(any_encoder, num_frames, before):
    video, fps = make_video(0, num_frames, 64, 160), 10.0
    video = replace(video, views=replace(video.views, frames_per_time=2))
    video.views.timestamps[:] = np.arange(num_frames) * 17 / fps
    tokenizer, question = any_encoder.tokenizer, f"{VIDEO_PROMPT}How many?"
    content = [{"type": "text", "text": before}, {"type": "video"}, {"type": "text", "text": question}]
    turns = [{"role": "system", "content": "Look closely."}, {"role": "user", "content": content}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    expected = processor_with(tokenizer)(text=[text], videos=[video.frames], videos_kwargs={"fps": fps})[
        "input_ids"
    ]
    encoder = any_encoder.written_as(PromptForm(installed_video_form(), "Look closely."))
    assert [encoder.turn([before, video, question], is_whole=True).ids.tolist()] == expected


def test_more_tokens_than_the_model_reads_are_refused(encoder, family_questions):
    config = copy.deepcopy(encoder.config)
    limited, question = RowEncoder(encoder.tokenizer, config, encoder.spec), family_questions[0]
    video = make_video(0)
    row = encoder.row(video, [question.prompt], [question.answer])
    config.text_config.max_position_embeddings = len(row.prefix.ids) + len(row.suffixes[0].ids)
    limited.row(video, [question.prompt], [question.answer])
    config.text_config.max_position_embeddings -= 1
    message = r"6 frames of 64 x 96 .* tokens, but the model reads \d+ .*data.frames.num_frames"
    with pytest.raises(InputError, match=message):
        limited.row(video, [question.prompt], [question.answer])


def test_positions_equal_those_of_transformers(loaded, encoder):
    video = make_video(0, num_frames=5, height=64, width=160)
    prefix = encoder.prefix(video)
    grid = torch.tensor([grid_of(video, loaded.spec)])
    ids = torch.cat([prefix.ids, torch.tensor([5, 6, 7])])[None]
    types = 2 * (ids == encoder.config.video_token_id).int()
    reference, _ = loaded.qwen.model.get_rope_index(ids, mm_token_type_ids=types, video_grid_thw=grid)
    assert torch.equal(reference[:, 0, :-3], prefix.positions)
    assert reference[:, 0, -3].tolist() == [prefix.next_position] * 3


def test_positions_of_text_without_a_video_count_up():
    assert mrope_positions(torch.arange(4), (99,), []).tolist() == [[0, 1, 2, 3]] * 3


def test_the_tiny_template_renders_what_the_real_one_renders(shared_data, loaded):
    text = (shared_data / "qwen3_vl_4b" / "chat_template.json").read_text("utf8")
    template = json.loads(text)["chat_template"]
    user = [{"type": "video"}, {"type": "text", "text": "These are frames."}, {"type": "image"}]
    turns = [
        {"role": "system", "content": "You look."},
        {"role": "user", "content": user},
        {"role": "assistant", "content": "B"},
        {"role": "user", "content": "And now?"},
    ]
    for generate in (False, True):
        tiny = loaded.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=generate)
        real = loaded.tokenizer.apply_chat_template(
            turns, chat_template=template, tokenize=False, add_generation_prompt=generate
        )
        assert tiny == real
