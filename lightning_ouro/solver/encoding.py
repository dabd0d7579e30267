r"""Tokens of a scene and its questions: one prefix with the video, one suffix per question.

The conversation follows the checkpoint's own chat template. The prefix ends after `These are frames of a video.\n`,
where no tokenizer merges anything across the line's end, so prefix + suffix are exactly the tokens of the whole
conversation; `tests/solver/test_encoding.py` checks that for each family and the real tokenizer. Questions, answers and
prompts are data: they never pass through the template, and markup in them is no token (`data_tokens`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, Qwen3VLConfig

from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import VIDEO_PROMPT
from lightning_ouro.scenes.types import Video
from lightning_ouro.solver.chat_template import END_OF_TURN, turn_parts
from lightning_ouro.solver.data_tokens import data_tokens
from lightning_ouro.solver.patches import PatchSpec, grid_of

VISION_START, VIDEO_PAD, VISION_END = "<|vision_start|>", "<|video_pad|>", "<|vision_end|>"


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

    Raises:
        InputError: the chat template does not open a plain reply.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: Qwen3VLConfig, spec: PatchSpec) -> None:
        self.tokenizer = tokenizer
        self.config = config
        self.spec = spec
        self._opening, closing = turn_parts(tokenizer, f"the tokenizer of {tokenizer.name_or_path!r}")
        self._closing = self._structure(closing)
        self._end_of_turn = self._structure(END_OF_TURN)

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
        grid = None if video is None else grid_of(video, self.spec)
        opening = self._structure(self._opening + self.video_text(video))
        ids = torch.tensor(opening + data_tokens(self.tokenizer, VIDEO_PROMPT + text))
        positions = mrope_positions(ids, self.config.video_token_id, grid, self.spec.merge_size)
        return Prefix(ids, positions, int(positions.max()) + 1)

    def video_text(self, video: Video | None) -> str:
        """The text that stands for a video, as the processor writes it: each group of frames after its time."""
        if video is None:
            return ""
        _, grid_h, grid_w = grid_of(video, self.spec)
        pads = VIDEO_PAD * (grid_h * grid_w // self.spec.merge_size**2)
        times = video.views.prompt_times[:: video.views.frames_per_time].tolist()
        return "".join(f"<{time:.1f} seconds>{VISION_START}{pads}{VISION_END}" for time in times)

    def suffix(self, prompt: str, answer: str | None) -> Suffix:
        """The tokens of one question after the prefix, with its answer and the end of the turn if it has one."""
        assert prompt.startswith(VIDEO_PROMPT), f"a prompt starts with {VIDEO_PROMPT!r}: {prompt!r}"
        return self._suffix(data_tokens(self.tokenizer, prompt.removeprefix(VIDEO_PROMPT)), answer)

    def _suffix(self, question: list[int], answer: str | None) -> Suffix:
        asked = question + self._closing
        if answer is None:
            return Suffix(torch.tensor(asked), len(asked), 0)
        written = data_tokens(self.tokenizer, answer)
        return Suffix(torch.tensor(asked + written + self._end_of_turn), len(asked), len(written))

    def _structure(self, text: str) -> list[int]:
        """Tokens of the conversation's own markup."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def mrope_positions(
    ids: Tensor, video_token: int, grid: tuple[int, int, int] | None, merge_size: int
) -> Tensor:
    """Interleaved M-RoPE positions `(3, P)` of a text with at most one video.

    Text counts up on all three axes. A group of frames keeps one time and spans rows and columns; the text after it
    continues from the larger side (`Qwen3VLModel.get_rope_index`, against which the tests check it).
    """
    positions = torch.empty(3, len(ids), dtype=torch.long)
    rows, columns = (grid[1] // merge_size, grid[2] // merge_size) if grid else (0, 0)
    offsets = torch.stack(
        [
            torch.zeros(rows * columns, dtype=torch.long),
            torch.arange(rows).repeat_interleave(columns),
            torch.arange(columns).repeat(rows),
        ]
    )
    index, position = 0, 0
    is_video = ((ids == video_token) & (grid is not None)).tolist()
    while index < len(ids):
        if is_video[index]:
            positions[:, index : index + rows * columns] = offsets + position
            index, position = index + rows * columns, position + max(rows, columns)
        else:
            positions[:, index] = position
            index, position = index + 1, position + 1
    return positions
