r"""Tokens of a scene and its questions: one prefix with the video, one suffix per question.

Whatever the model is shown goes one way: a user's turn is a sequence of segments (text, images and videos in any
order), between what the checkpoint's own chat template writes before and after it (`RowEncoder.turn`). Tokens and
positions are those of transformers' Qwen3VLProcessor and `get_rope_index`, in either form of videos (`prompt_form`);
tests/benchmarks/test_golden_files.py compares them with what the real processor made of real frames.

The prefix ends after `These are frames of a video.\n`, where no tokenizer merges anything across the line's end, so
prefix + suffix are exactly the tokens of the whole conversation; `tests/solver/test_encoding.py` checks that for each
family and the real tokenizer. Questions, answers and prompts are data: they never pass through the template, and
markup in them is no token (`data_tokens`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, Qwen3VLConfig

from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import VIDEO_PROMPT
from lightning_ouro.scenes.types import Image, Video
from lightning_ouro.solver.chat_template import (
    END_OF_TURN,
    IMAGE_PAD,
    SYSTEM_MARK,
    VIDEO_PAD,
    VISION_END,
    VISION_START,
    turn_parts,
)
from lightning_ouro.solver.data_tokens import Written, data_tokens, tokens_of
from lightning_ouro.solver.patches import PatchSpec, Visual, grid_of
from lightning_ouro.solver.prompt_form import PromptForm

Segment = str | Visual  # of a user's turn; text is data


@dataclass(frozen=True)
class Prefix:
    """The part of a row that its questions share.

    Attributes:
        ids: Token ids, `(P,)`.
        positions: M-RoPE positions (time, row, column), `(3, P)`.
        next_position: Position of each suffix's first token: one more than the largest position.
    """

    ids: Tensor
    positions: Tensor
    next_position: int


@dataclass(frozen=True)
class Suffix:
    """One question of a row.

    Attributes:
        ids: Token ids from the question's first word to the end of the turn, `(S,)`.
        answer_start: Index in `ids` of the answer's first token; without an answer, `S`.
        num_content: Number of answer tokens, without the end-of-turn token.
    """

    ids: Tensor
    answer_start: int
    num_content: int


@dataclass(frozen=True)
class Row:
    """A video and the questions about it. `video` is None for questions that are asked without one."""

    prefix: Prefix
    suffixes: tuple[Suffix, ...]
    video: Video | None


@final
class RowEncoder:
    """Turns videos and prompts into rows.

    Args:
        tokenizer: The checkpoint's tokenizer, with its chat template.
        config: The checkpoint's config.
        spec: How frames become patches.
        form: How a video is written, and the system's turn.

    Raises:
        InputError: the chat template does not open a plain reply, or has no system turn where there is to be one.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        config: Qwen3VLConfig,
        spec: PatchSpec,
        form: PromptForm = PromptForm(),  # noqa: B008  frozen
    ) -> None:
        self.tokenizer = tokenizer
        self.config = config
        self.spec = spec
        self.form = form
        owner, system = f"the tokenizer of {tokenizer.name_or_path!r}", form.system_prompt
        opening, closing = turn_parts(tokenizer, owner, system is not None)
        head, _, tail = opening.partition(SYSTEM_MARK)
        self._opening = (Written(head), Written(system or "", is_data=True), Written(tail))
        self._closing = Written(closing)
        self._reply_opening = tokens_of(tokenizer, [self._closing])
        self._end_of_turn = tokens_of(tokenizer, [Written(END_OF_TURN)])

    def written_as(self, form: PromptForm) -> RowEncoder:
        """The same encoder with another form of prompts."""
        return RowEncoder(self.tokenizer, self.config, self.spec, form)

    def row(self, video: Video | None, prompts: Sequence[str], answers: Sequence[str | None]) -> Row:
        """The row of one video.

        Args:
            video: The video that precedes every prompt, if any.
            prompts: The user's turns, each starting with `VIDEO_PROMPT`.
            answers: The answer to each prompt; None where it is to be generated.

        Raises:
            InputError: video and question have more tokens than the model reads.
        """
        prefix = self.prefix(video)
        pairs = zip(prompts, answers, strict=True)
        row = Row(prefix, tuple(self.suffix(prompt, answer) for prompt, answer in pairs), video)
        longest = max((len(suffix.ids) for suffix in row.suffixes), default=0)
        limit = self.config.text_config.max_position_embeddings
        if (number := len(prefix.ids) + longest) > limit:
            visible = "no video" if video is None else "{} frames of {} x {}".format(*video.frames.shape[:3])
            raise InputError(
                f"{visible} with a question of {longest} tokens make {number} tokens, but the model reads {limit} "
                "(max_position_embeddings in its config.json); lower data.frames.num_frames, height or width"
            )
        return row

    def row_of_replies(self, video: Video | None, text: str, replies: Sequence[str | None]) -> Row:
        """The row of a user's complete turn and several replies to it.

        Args:
            video: The video of the turn, if any.
            text: What follows `VIDEO_PROMPT`.
            replies: Each is followed by the end of the turn; None where it is to be generated.
        """
        return Row(self.prefix(video, text), tuple(self._suffix([], reply) for reply in replies), video)

    def prefix(self, video: Video | None, text: str = "") -> Prefix:
        """The tokens that a video's questions share: from the start of the turn to the end of `VIDEO_PROMPT + text`."""
        return self.turn([VIDEO_PROMPT + text] if video is None else [video, VIDEO_PROMPT + text])

    def turn(self, segments: Sequence[Segment], is_whole: bool = False) -> Prefix:
        """Tokens and positions of a user's turn, from the start of the conversation.

        Args:
            segments: Text, images and videos, in any order.
            is_whole: Whether the turn ends and the reply begins; else more of the turn may follow.

        Raises:
            InputError: an image's or a frame's sides are no multiples of a token's.
        """
        pieces, pictures = list(self._opening), list[tuple[int, int]]()
        for segment in segments:
            if isinstance(segment, str):
                pieces.append(Written(segment, is_data=True))
                continue
            pieces.append(Written(self.visual_text(segment)))
            groups, *sides = grid_of(segment, self.spec)
            rows, columns = (side // self.spec.merge_size for side in sides)
            pictures += [(rows, columns)] * groups
        ids = torch.tensor(tokens_of(self.tokenizer, [*pieces, self._closing] if is_whole else pieces))
        tokens = (self.config.image_token_id, self.config.video_token_id)
        positions = mrope_positions(ids, tokens, pictures)
        return Prefix(ids, positions, int(positions.max()) + 1)

    def visual_text(self, visual: Visual) -> str:
        """The text that stands for an image or a video, as the processor writes it: times precede groups of frames."""
        _, grid_h, grid_w = grid_of(visual, self.spec)
        number = grid_h * grid_w // self.spec.merge_size**2
        if isinstance(visual, Image):
            return f"{VISION_START}{IMAGE_PAD * number}{VISION_END}"
        picture = f"{VISION_START}{VIDEO_PAD * number}{VISION_END}"
        times = visual.views.prompt_times[:: visual.views.frames_per_time].tolist()
        groups = "".join(f"<{time:.1f} seconds>{picture}" for time in times)
        return f"{VISION_START}{groups}{VISION_END}" if self.form.video_form == "wrapped" else groups

    def suffix(self, prompt: str, answer: str | None) -> Suffix:
        """The tokens of one question after the prefix, with its answer and the end of the turn if it has one."""
        assert prompt.startswith(VIDEO_PROMPT), f"a prompt starts with {VIDEO_PROMPT!r}: {prompt!r}"
        return self._suffix(data_tokens(self.tokenizer, prompt.removeprefix(VIDEO_PROMPT)), answer)

    def _suffix(self, question: list[int], answer: str | None) -> Suffix:
        asked = question + self._reply_opening
        if answer is None:
            return Suffix(torch.tensor(asked), len(asked), 0)
        written = data_tokens(self.tokenizer, answer)
        return Suffix(torch.tensor(asked + written + self._end_of_turn), len(asked), len(written))


def mrope_positions(
    ids: Tensor, visual_tokens: Collection[int], pictures: Sequence[tuple[int, int]]
) -> Tensor:
    """Interleaved M-RoPE positions `(3, P)` of a text with images and videos.

    Text counts up on all three axes. A picture, which is an image or a group of a video's frames, keeps one time and
    spans rows and columns; the text after it continues from the larger side (`Qwen3VLModel.get_rope_index`, against
    which the tests check it).

    Args:
        ids: Token ids, `(P,)`.
        visual_tokens: The ids of which each stands for a part of a picture.
        pictures: Rows and columns of each picture in tokens, in order; such a token after the last of them is text.
    """
    positions = torch.empty(3, len(ids), dtype=torch.long)
    is_visual = torch.isin(ids, torch.tensor([*visual_tokens])).tolist()
    index, position, left = 0, 0, list(reversed(pictures))
    while index < len(ids):
        if is_visual[index] and left:
            rows, columns = left.pop()
            spanned = torch.stack(
                [
                    torch.zeros(rows * columns, dtype=torch.long),
                    torch.arange(rows).repeat_interleave(columns),
                    torch.arange(columns).repeat(rows),
                ]
            )
            positions[:, index : index + rows * columns] = spanned + position
            index, position = index + rows * columns, position + max(rows, columns)
        else:
            positions[:, index] = position
            index, position = index + 1, position + 1
    return positions
