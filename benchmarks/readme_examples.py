"""Six questions about procedural scenes for the README of `programs`: frames as PNG; the rest as Markdown.

    python benchmarks/readme_examples.py [--figures benchmarks/figures]

Writes one strip of frames per question and prints the Markdown that stands in `lightning_ouro/programs/README.md`,
where `ruff format` has laid out the programs.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lightning_ouro.loop.fixed_questions import fixed_questions
from lightning_ouro.programs.questions import LETTERS, Question
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget

FAMILIES = (
    "object_counting",
    "object_size_estimation",
    "object_abs_distance",
    "object_rel_distance",
    "object_rel_direction_hard",
    "route_planning",
)
README = Path("lightning_ouro/programs/README.md")
NUM_FRAMES = 4  # of a scene's eight
NUM_COLORS = 96  # of a strip, so that the file is small
FIRST_SCENE, NUM_SCENES = 20, 20


def main(args: Sequence[str] | None = None) -> None:
    """Writes the figures and prints the Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--figures", type=Path, default=Path("benchmarks/figures"), help="the folder to write to"
    )
    folder = parser.parse_args(args).figures
    folder.mkdir(parents=True, exist_ok=True)
    library = SceneLibrary(procedural_scenes(FIRST_SCENE, NUM_SCENES), FrameBudget(height=192, width=256))
    questions, _ = fixed_questions(library, list(library.values()), per_scene=12, show_progress=False)
    used: set[str] = set()
    for family in FAMILIES:
        question = next(q for q in questions if q.family == family and q.scene_id not in used)
        used.add(question.scene_id)
        path = folder / f"{family}.png"
        strip(library, question.scene_id).save(path, optimize=True)
        print(markdown(question, path))


def strip(library: SceneLibrary, scene_id: str) -> Image.Image:
    """Some of the scene's frames side by side."""
    frames = library.video(scene_id).frames
    indices = np.linspace(0, len(frames) - 1, NUM_FRAMES).round().astype(int)
    return Image.fromarray(np.concatenate(list(frames[indices]), axis=1)).quantize(NUM_COLORS)


def markdown(question: Question, path: Path) -> str:
    """The question as a section of the README."""
    text = question.text.replace("\n", " ")
    if question.options is None:
        answer = f"{question.answer} {'' if question.unit == 'count' else question.unit}".strip()
    else:
        listed = [f"{letter}. {option}" for letter, option in zip(LETTERS, question.options, strict=False)]
        text += " " + " ".join(listed)
        answer = listed[LETTERS.index(question.answer)]
    program = question.program.strip()
    picture = f"![{question.scene_id}]({Path(os.path.relpath(path, README.parent)).as_posix()})"
    return f"**{text}**\n\n{picture}\n\n```python\n{program}\n```\n\nAnswer: **{answer}**\n"


if __name__ == "__main__":
    main()
