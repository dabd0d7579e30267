"""How a prompt is written around what is asked: where a video's marks stand, and whether a system turn comes first.

transformers' Qwen3VLProcessor puts each group of frames between marks. Up to 5.9 these took the place of the marks that
the chat template writes around the video (`plain`); since 5.10 the template's marks stay around all of them
(`wrapped`: two tokens more, and all positions after them shift). A model has to be asked as it was trained, so weights
that this package made say how: a run's checkpoint in its record, a folder of weights in its config.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, final

import torch
from transformers import Qwen3VLConfig

from lightning_ouro.errors import InputError
from lightning_ouro.solver.checkpoint import read_config
from lightning_ouro.solver.installed_processor import WrittenForm, installed_video_form
from lightning_ouro.solver.loading import Init

VideoForm = Literal["auto", "wrapped", "plain"]
KEY = "lightning_ouro"  # of what this package adds to a config.json


@dataclass(frozen=True)
class PromptForm:
    """A form of prompts; the default is that of everything that this package trained before it had a choice.

    Attributes:
        video_form: wrapped, with marks around the whole video as well as around each group of its frames; or plain.
        system_prompt: What the system's turn says, which precedes the user's; None: there is none.
    """

    video_form: WrittenForm = "plain"
    system_prompt: str | None = None

    @classmethod
    def read(cls, record: Any, owner: str) -> PromptForm:
        """From the fields of a record.

        Raises:
            InputError: they are not what this package writes.
        """
        fields = record if isinstance(record, Mapping) else {}
        form, system = fields.get("video_form"), fields.get("system_prompt")
        if form not in ("wrapped", "plain") or not isinstance(system, str | None):
            raise InputError(
                f"{owner}: {record!r} names no form of prompts, which has video_form (wrapped or plain) and "
                "system_prompt; it was written by a later version, or by hand"
            )
        return cls(form, system)

    def write(self, config: Qwen3VLConfig) -> None:
        """Adds it to the config of weights that were trained with it, which `save_pretrained` writes beside them."""
        setattr(config, KEY, asdict(self))


@final
class PromptChoice:
    """A run's form of prompts: that of the weights if they were trained with one, else what the options say.

    Args:
        checkpoint: The base, whose config.json may say; as model.checkpoint.
        init: Whether its weights are read: those that are drawn were trained with nothing.
        video_form: As model.video_form.
        system_prompt: As model.system_prompt.
    """

    def __init__(
        self, checkpoint: str, init: Init, video_form: VideoForm = "auto", system_prompt: str | None = None
    ) -> None:
        self._base = (checkpoint, init)
        self._video_form: VideoForm = video_form
        self._system_prompt = system_prompt
        self._form: PromptForm | None = None

    @property
    def form(self) -> PromptForm:
        """The form; read, or asked of the installed processor, when it is first needed.

        Raises:
            InputError: the base was trained with another form than the options say, or nothing tells which one to
                take.
        """
        if self._form is None:
            checkpoint, init = self._base
            saved = form_of_weights(checkpoint) if init == "pretrained" else None
            if saved is not None:
                self.follow(saved, f"model.checkpoint={checkpoint!r}")
            else:
                chosen = installed_video_form() if self._video_form == "auto" else self._video_form
                self._form = PromptForm(chosen, self._system_prompt)
        assert self._form is not None, "chosen above, or by `follow`"
        return self._form

    def follow(self, saved: PromptForm, owner: str) -> None:
        """Takes the form that weights were trained with.

        Args:
            saved: The form.
            owner: What error messages call the weights.

        Raises:
            InputError: the options ask for another one.
        """
        asked = {"video_form": self._video_form, "system_prompt": self._system_prompt}
        for name, value in asked.items():
            if value not in ("auto" if name == "video_form" else None, getattr(saved, name)):
                raise InputError(
                    f"{owner} was trained with model.{name}={getattr(saved, name)!r}, but this run has {value!r}; set "
                    "it as it was, or leave it out"
                )
        self._form = saved


def form_of_weights(checkpoint: str) -> PromptForm | None:
    """The form that a base's config.json says its weights were trained with; None if it does not say.

    Raises:
        InputError: the config cannot be read, or what it says.
    """
    record = getattr(read_config(checkpoint), KEY, None)
    return (
        None
        if record is None
        else PromptForm.read(record, f"model.checkpoint={checkpoint!r}: {KEY} in its config.json")
    )


def form_of_run(state: Mapping[str, Any]) -> PromptForm:
    """The form that a run's checkpoint was trained with.

    Args:
        state: What was loaded from it.

    Raises:
        InputError: it says what is none.
    """
    record = (state.get("base") or {}).get("prompt")
    return PromptForm() if record is None else PromptForm.read(record, "ckpt_path: the checkpoint's record")


def form_in_checkpoint(path: Path) -> PromptForm | None:
    """The form in a run's checkpoint, of which only this is read; None where that takes more than a look.

    A strategy that shards keeps a folder, of which one file holds all but tensors.
    """
    named = [path] if path.is_file() else [path / "meta.pt", *path.glob("checkpoint/*model_states.pt")]
    for file in named:
        try:
            return form_of_run(torch.load(file, map_location="cpu", mmap=True, weights_only=True))
        except InputError:
            raise
        except Exception:  # damaged, or with more than tensors; loading it says so, and says what to do
            continue
    return None
