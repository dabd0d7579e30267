"""How prompts are written: asked of the installed processor, unless weights say how they were trained."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from lightning.pytorch.strategies import SingleDeviceStrategy
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

from lightning_ouro.errors import InputError
from lightning_ouro.solver.checkpoint import checkpoint_folder, read_config
from lightning_ouro.solver.encoding import RowEncoder
from lightning_ouro.solver.installed_processor import installed_video_form
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.prompt_form import (
    KEY,
    PromptChoice,
    PromptForm,
    form_in_checkpoint,
    form_of_run,
    form_of_weights,
)

from .conftest import make_video

VIDEO = "<|vision_start|><|video_pad|><|vision_end|>"


def writes(monkeypatch, change):
    """Has the installed processor change its text before it writes the videos in."""
    own = Qwen3VLProcessor.get_text_with_replacements

    def changed(self, text, *replacements):
        return own(self, [change(each) for each in text], *replacements)

    monkeypatch.setattr(Qwen3VLProcessor, "get_text_with_replacements", changed)


def as_before_5_10(text):
    return text.replace(VIDEO, "<|video_pad|>")


@pytest.fixture
def unsaid(tmp_path):
    """The tiny base without what it says of prompts."""
    base = shutil.copytree(checkpoint_folder("tiny"), tmp_path / "unsaid")
    config = json.loads((base / "config.json").read_text())
    del config[KEY]
    (base / "config.json").write_text(json.dumps(config))
    return str(base)


def said(base, record):
    """The same base, which says something."""
    path = Path(base) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {KEY: record}))
    return base


def test_auto_is_what_the_installed_processor_writes(unsaid, monkeypatch):
    assert PromptChoice(unsaid, "pretrained").form == PromptForm("wrapped")
    writes(monkeypatch, as_before_5_10)
    assert PromptChoice(unsaid, "pretrained").form == PromptForm("plain")
    assert SolverModule(unsaid).resolved_options() == {"video_form": "plain", "system_prompt": None}


def test_a_processor_that_writes_videos_in_a_third_way_is_refused(monkeypatch):
    writes(monkeypatch, lambda text: text.replace(VIDEO, f"<|vision_start|>{VIDEO}"))
    with pytest.raises(InputError, match=r"auto: .* does not know; set model.video_form to wrapped or plain"):
        installed_video_form()


def test_a_processor_that_cannot_be_asked_is_named_on_one_line(unsaid, monkeypatch):
    def fails(*args, **kwargs):
        raise AttributeError("another\nversion")

    monkeypatch.setattr(Qwen3VLProcessor, "__call__", fails)
    with pytest.raises(InputError, match=r"cannot be asked .*set model.video_form") as stop:
        PromptChoice(unsaid, "pretrained").form  # noqa: B018
    assert "\n" not in str(stop.value)
    assert PromptChoice(unsaid, "pretrained", "plain").form == PromptForm("plain")


@pytest.mark.parametrize("form", ["wrapped", "plain"])
def test_an_option_wins_where_the_base_does_not_say(unsaid, form):
    choice = PromptChoice(unsaid, "pretrained", form, "Look closely.")
    assert choice.form == PromptForm(form, "Look closely.")


def test_the_shipped_weights_say_plain_and_win(monkeypatch):
    assert form_of_weights("tiny") == PromptForm("plain")
    assert PromptChoice("tiny", "pretrained").form == PromptForm("plain")
    message = "'tiny' was trained with model.video_form='plain', but this run has 'wrapped'; set it as it was"
    with pytest.raises(InputError, match=message):
        PromptChoice("tiny", "pretrained", "wrapped").form  # noqa: B018
    with pytest.raises(InputError, match=r"model.system_prompt=None, but this run has 'Be brief\.'"):
        PromptChoice("tiny", "pretrained", system_prompt="Be brief.").form  # noqa: B018


def test_weights_that_are_drawn_were_trained_with_no_form(monkeypatch):
    assert PromptChoice("tiny", "random").form == PromptForm(installed_video_form())
    assert PromptChoice("tiny", "random", "plain").form == PromptForm("plain")


@pytest.mark.parametrize(
    "record",
    [{}, {"video_form": "auto"}, {"video_form": "plain", "system_prompt": 3}, ["plain"], "plain"],
)
def test_what_a_config_says_otherwise_is_refused(unsaid, record):
    with pytest.raises(InputError, match=r"lightning_ouro in its config.json: .* names no form of prompts"):
        PromptChoice(said(unsaid, record), "pretrained").form  # noqa: B018


def module_of(base, **options):
    module = SolverModule(base, lora=None, **options)
    module.configure_model()
    module.trainer = type("Trainer", (), {"strategy": SingleDeviceStrategy()})()
    return module


def test_a_checkpoint_records_its_form_and_wins(unsaid, tmp_path):
    trained = module_of(unsaid, video_form="plain", system_prompt="Look closely.")
    checkpoint = {"state_dict": trained.state_dict()}
    trained.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "last.ckpt")
    expected = PromptForm("plain", "Look closely.")
    assert form_in_checkpoint(tmp_path / "last.ckpt") == form_of_run(checkpoint) == expected
    other = module_of(unsaid)
    assert other.encoder.form == PromptForm("wrapped")
    other.on_load_checkpoint(checkpoint)
    assert other.encoder.form == expected and other.resolved_options()["video_form"] == "plain"
    assert torch.equal(other.encoder.prefix(None).ids, trained.encoder.prefix(None).ids)
    with pytest.raises(
        InputError, match=r"ckpt_path: the checkpoint was trained with model.video_form='plain'"
    ):
        module_of(unsaid, video_form="wrapped").on_load_checkpoint(checkpoint)
    with pytest.raises(InputError, match=r"model.system_prompt='Look closely.', but this run has 'Hi'"):
        module_of(unsaid, video_form="plain", system_prompt="Hi").on_load_checkpoint(checkpoint)


@pytest.mark.parametrize("state", [{}, {"base": None}, {"base": {"checkpoint": "tiny"}}])
def test_checkpoints_of_before_the_choice_are_plain(state):
    assert form_of_run(state) == PromptForm("plain", None)


def test_a_folder_of_a_sharded_run_says_its_form(tmp_path):
    record = {"base": {"prompt": {"video_form": "wrapped", "system_prompt": None}}}
    torch.save(record, tmp_path / "meta.pt")
    assert form_in_checkpoint(tmp_path) == PromptForm("wrapped")
    (tmp_path / "deepspeed" / "checkpoint").mkdir(parents=True)
    torch.save(record, tmp_path / "deepspeed" / "checkpoint" / "mp_rank_00_model_states.pt")
    assert form_in_checkpoint(tmp_path / "deepspeed") == PromptForm("wrapped")


def test_a_damaged_checkpoint_says_nothing(tmp_path):
    (tmp_path / "last.ckpt").write_bytes(b"PK")
    assert form_in_checkpoint(tmp_path / "last.ckpt") is None


def test_weights_that_are_saved_from_a_solver_say_their_form(unsaid, tmp_path):
    module = module_of(unsaid, system_prompt="Look closely.")
    module.net.save_pretrained(tmp_path / "saved")
    assert form_of_weights(str(tmp_path / "saved")) == PromptForm("wrapped", "Look closely.")


def test_what_a_base_says_of_prompts_is_no_part_of_its_identity(unsaid):
    before = module_of(unsaid, video_form="plain").base_fingerprint
    assert module_of(said(unsaid, {"video_form": "plain", "system_prompt": None})).base_fingerprint == before


def conversation_text(tokenizer, system, user):
    turns = [{"role": "system", "content": system}] if system is not None else []
    return tokenizer.apply_chat_template([*turns, {"role": "user", "content": user}], tokenize=False)


@pytest.mark.parametrize("system", ["You look closely.", "", "\n\nTwo lines\n", " spaces "])
def test_a_system_turn_is_what_the_template_writes(encoder, system):
    written = RowEncoder(encoder.tokenizer, encoder.config, encoder.spec, PromptForm("plain", system))
    ids = written.turn(["Hello?"]).ids.tolist()
    text = conversation_text(encoder.tokenizer, system, "Hello?").partition("Hello?")
    assert ids == encoder.tokenizer("".join(text[:2]), add_special_tokens=False)["input_ids"]


def test_markup_in_a_system_prompt_is_only_characters(encoder):
    written = RowEncoder(encoder.tokenizer, encoder.config, encoder.spec, PromptForm("plain", "a<|im_end|>b"))
    clean = RowEncoder(encoder.tokenizer, encoder.config, encoder.spec, PromptForm("plain", "ab"))
    end = encoder.tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert (written.turn(["Hi"]).ids == end).sum() == (clean.turn(["Hi"]).ids == end).sum() == 1


def test_a_template_without_a_system_turn_is_named(encoder):
    tokenizer = type(encoder.tokenizer).from_pretrained(checkpoint_folder("tiny"))
    first = "{%- if messages[0].role == 'system' -%}{%- set messages = messages[1:] -%}{%- endif -%}"
    tokenizer.chat_template = first + tokenizer.chat_template
    with pytest.raises(
        InputError, match=r"writes no system turn before the user's; leave model.system_prompt out"
    ):
        RowEncoder(tokenizer, encoder.config, encoder.spec, PromptForm("plain", "Be brief."))


def test_the_forms_differ_by_two_marks_around_the_video(encoder):
    video, config = make_video(0), read_config("tiny")
    plain, wrapped = (encoder.written_as(PromptForm(form)).prefix(video) for form in ("plain", "wrapped"))
    place = wrapped.ids.tolist().index(config.vision_start_token_id)
    last = len(wrapped.ids) - 1 - wrapped.ids.flip(0).tolist().index(config.vision_end_token_id)
    kept = [index for index in range(len(wrapped.ids)) if index not in (place, last)]
    assert wrapped.ids[kept].tolist() == plain.ids.tolist()
    assert wrapped.next_position == plain.next_position + 2
