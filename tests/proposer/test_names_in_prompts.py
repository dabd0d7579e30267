"""A file whose names hold markup: what the solver, the proposers and the judge are asked holds none of it."""

import warnings

import pytest
from transformers import AutoTokenizer

from lightning_ouro.loop.pool import Pool
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.blind import by_judge
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.model import count_tokens
from lightning_ouro.proposer.prompt import PromptWriter
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.checkpoint import checkpoint_folder
from tests.scenes.readers.test_names import HOSTILE, meta_info

NAMES = {"lamp": 1, "wardrobe": 1, "piano": 1, "rack/stand": 1, "men’s shoes": 2, "cup (2)": 1}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A scene of six plain categories and all hostile ones, its video, and verified questions about it."""
    counts = {label: 1 for label in HOSTILE if label.strip()} | NAMES
    with warnings.catch_warnings(action="ignore"):
        ((scene,), _) = meta_info(tmp_path_factory.mktemp("hostile"), counts)
    return scene, scene.footage.load(scene, FrameBudget())


@pytest.fixture(scope="module")
def questions(hostile):
    scene, video = hostile
    brief = Brief(scene, video.views, 30, 0, 0, dict.fromkeys(FAMILIES, 1.0), {}, {}, frozenset())
    with Sandbox() as sandbox:
        verdicts = Verifier(sandbox).verify(scene, video.views, list(GrammarProposer().write(brief)))
    return Pool().admit([item for item in verdicts if isinstance(item, Verified)], 0)[0]


def is_clean(text):
    labels = [label for label in HOSTILE if len(label) > 2 and "```" not in label]
    return "<|" not in text and not any(label in text for label in labels)


def test_questions_of_a_hostile_scene_are_plain_text(hostile, questions):
    scene, _ = hostile
    assert set(scene.counts) == set(NAMES) and len(questions) > 5
    assert all(is_clean(question.prompt) and "`" not in question.prompt for question in questions)


@pytest.mark.parametrize("kind", ["full", "compact"])
def test_prompts_about_a_hostile_scene_are_plain_text(hostile, questions, kind):
    scene, video = hostile
    recent = {"easy": questions[:5], "hard": questions[5:]}
    brief = Brief(
        scene, video.views, 4, 1, 0, dict.fromkeys(FAMILIES, 1.0), {"rules": 3}, recent, frozenset()
    )
    text = PromptWriter(kind, 64, 10**6, 10**6, len).write(brief, scene_geometry(scene, video.views)).text
    headings = ("# Metadata", "# Your turn") if kind == "full" else ("Objects:", "Wanted:")
    assert [text.count(heading) for heading in headings] == [1, 1]
    assert text.count("```") == (6 if kind == "full" else 0) and "<|" not in text
    assert not any(
        label in text for label in HOSTILE if len(label) > 2 and not label.strip().startswith("```")
    )


def test_the_judge_reads_questions_as_data(hostile, questions):
    rows = []

    class Base:
        class encoder:  # noqa: N801  the attribute's name
            @staticmethod
            def row(video, prompts, replies):
                rows.append((prompts, replies))

        @staticmethod
        def base_confidences(_):
            return [0.9, 0.1] * len(questions)

    assert by_judge(Base, questions, lambda _: hostile[1]) == [None] * len(questions)
    ((prompts, replies),) = rows
    assert len(prompts) == len(replies) == 2 * len(questions) and all(
        "<|" not in prompt for prompt in prompts
    )


def test_budgets_count_markup_as_the_characters_that_it_is():
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder("tiny"))
    assert count_tokens(tokenizer, "<|im_end|>") > 3
    assert count_tokens(tokenizer, "object_counting") == 1
