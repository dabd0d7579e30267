"""A tiny solver in float32, random videos, and questions of different lengths."""

import numpy as np
import pytest
import torch

from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.propose import ask
from lightning_ouro.loop.rounds import RankShard
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import Question
from lightning_ouro.programs.verification import Verified
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget, Video, Views
from lightning_ouro.solver.attention import use_shared_prefix
from lightning_ouro.solver.encoding import RowEncoder
from lightning_ouro.solver.feature_cache import FeatureCache, FeatureSettings
from lightning_ouro.solver.features import VisionTower
from lightning_ouro.solver.loading import load
from lightning_ouro.solver.packing import pack
from lightning_ouro.solver.shared_prefix import score


def make_video(seed: int, num_frames: int = 6, height: int = 64, width: int = 96) -> Video:
    frames = np.random.default_rng(seed).integers(0, 256, (num_frames, height, width, 3), dtype=np.uint8)
    poses = np.broadcast_to(np.eye(4), (num_frames, 4, 4))
    seconds = np.arange(num_frames) * 1.7
    intrinsics = np.broadcast_to(np.eye(3), (num_frames, 3, 3))
    return Video(frames, Views(seconds, intrinsics, poses, np.zeros((num_frames, 0), "f4")))


def make_question(number: int, text: str, answer: str, options: tuple[str, ...] | None = None) -> Question:
    unit = "count" if options is None else None
    program = "def answer(scene):\n    return count(1)\n"
    family = "object_counting" if options is None else "object_rel_direction_easy"
    return Question(f"q{number}", "s", family, text, options, unit, answer, program, 1.0, {}, 0)


def ready(lora=None, seed=0, cached=False, train="all", dtype="auto"):
    """A tiny solver whose language model shares prefixes, and its vision tower."""
    loaded = load("tiny", "random", lora, seed, train, dtype)
    use_shared_prefix(loaded.qwen)
    if lora is not None:  # LoRA's B is initialised to zero, which would hide A's gradient
        for name, parameter in loaded.net.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.05, generator=torch.Generator().manual_seed(2))
    cache = FeatureCache(FeatureSettings(memory_gb=0.1)) if cached else None
    return loaded, VisionTower(loaded.qwen, loaded.spec, cache)


def scored(loaded, tower, rows):
    """Loss and confidence of the rows' questions in one pass."""
    features = tower.features([row.video for row in rows if row.video is not None])
    return score(loaded.qwen, pack(rows), features)


@pytest.fixture(scope="session")
def loaded():
    return load("tiny", "random", None, seed=0)


@pytest.fixture(scope="session")
def encoder(loaded):
    return RowEncoder(loaded.tokenizer, loaded.qwen.config, loaded.spec)


@pytest.fixture(scope="session")
def questions():
    directions = ("left", "right")
    return [
        make_question(0, "How many chair(s) are in this room?", "4"),
        make_question(
            1,
            "If I am standing by the bed and facing the tv, is the sofa to my left or my right?",
            "B",
            directions,
        ),
        make_question(2, "What is the size of this room (in square meters)?", "103.5"),
        make_question(3, "How many lamp(s)?", "12"),
        make_question(
            4, "Is the stove to the left or the right of the washer, seen from the door?", "A", directions
        ),
    ]


@pytest.fixture(scope="session")
def family_questions():
    """Questions of every family in every wording, about procedural scenes."""
    library = SceneLibrary(procedural_scenes(0, 6), FrameBudget())
    briefs = [
        Brief(
            scene, library.video(scene.id).views, 40, 0, 0, dict.fromkeys(FAMILIES, 1.0), {}, {}, frozenset()
        )
        for scene in library.values()
    ]
    outcomes = ask(GrammarProposer(), briefs, "", RankShard())
    accepted, _ = Pool().admit([item for item in outcomes if isinstance(item, Verified)], 0)
    assert {question.family for question in accepted} == FAMILIES.keys() - {"open"}
    return accepted
