import math

import numpy as np
import pytest
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from lightning_ouro.scenes.types import FrameBudget

BUDGETS = [(96, 128), (128, 96), (32, 32), (224, 320), (256, 256), (480, 640), (768, 1024), (32, 512)]
CAMERAS = [
    (480, 640),
    (968, 1296),
    (1440, 1920),
    (1080, 1920),
    (192, 256),
    (1920, 1440),
    (256, 192),
    (540, 360),
]


def random_sizes(budget, number=400):
    """Sizes that round to at least one token per side, and are no longer than the budget's tokens in a row."""
    rng = np.random.default_rng(budget[0] * 10_000 + budget[1])
    short = np.exp(rng.uniform(math.log(17), math.log(2000), number)).astype(int)
    longest = np.minimum(20, budget[0] * budget[1] / 32**2)
    long = (short * longest ** rng.uniform(0, 1, number)).astype(int)
    sizes = np.where(
        rng.random((number, 1)) < 0.5, np.stack([short, long], axis=1), np.stack([long, short], axis=1)
    )
    return sizes.tolist()


def smart_resized(size, budget):
    return smart_resize(*size, factor=32, min_pixels=1, max_pixels=budget[0] * budget[1])


def exact(size, budget):
    """The same rule in integer arithmetic: floor(sqrt(x)) = isqrt(floor(x))."""
    rows, columns = (max(1, round(side / 32)) for side in size)
    if rows * columns * 32**2 > budget[0] * budget[1]:
        shapes = (size, size[::-1])
        rows, columns = (
            max(1, math.isqrt(side * budget[0] * budget[1] // (other * 32**2))) for side, other in shapes
        )
    return rows * 32, columns * 32


@pytest.mark.parametrize("budget", BUDGETS)
def test_random_sizes_equal_transformers_smart_resize(budget):
    sizes = random_sizes(budget)
    assert len(sizes) == 400
    ours = {tuple(size): FrameBudget(8, *budget).size_for(*size) for size in sizes}
    assert ours == {tuple(size): smart_resized(size, budget) for size in sizes}


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("size", CAMERAS)
def test_sizes_of_real_cameras_equal_transformers_smart_resize(size, budget):
    assert FrameBudget(8, *budget).size_for(*size) == smart_resized(size, budget)


@pytest.mark.parametrize("budget", BUDGETS)
def test_sizes_are_whole_tokens_within_the_budgets_pixels(budget):
    for size in random_sizes(budget):
        height, width = FrameBudget(8, *budget).size_for(*size)
        assert height * width <= budget[0] * budget[1]
        assert height % 32 == width % 32 == 0 and min(height, width) >= 32


def test_an_exact_fit_loses_no_token_to_rounding_unlike_smart_resize():
    """By design: transformers takes the floor of a float division, so that 480 / 32 comes out as 14.999…"""
    multiples = [(480 * k, 640 * k) for k in range(1, 12)] + [(96 * k, 128 * k) for k in range(6, 60)]
    lost = [size for size in multiples if smart_resized(size, (480, 640)) != (480, 640)]
    assert lost
    for size in multiples:
        assert FrameBudget(8, 480, 640).size_for(*size) == exact(size, (480, 640)) == (480, 640)


@pytest.mark.parametrize("budget", BUDGETS)
def test_sizes_equal_exact_arithmetic(budget):
    for size in random_sizes(budget, 2000):
        assert FrameBudget(8, *budget).size_for(*size) == exact(size, budget)


def test_an_image_smaller_than_half_a_token_becomes_one_token():
    assert FrameBudget(8, 96, 128).size_for(10, 10) == (32, 32)
    assert FrameBudget(8, 96, 128).size_for(16, 120) == (32, 128)  # smart_resize rounds it to no rows


def test_an_image_of_the_budgets_size_keeps_it_and_portraits_stay_upright():
    assert FrameBudget(8, 96, 128).size_for(96, 128) == (96, 128)
    assert FrameBudget(8, 96, 128).size_for(1920, 1440) == (128, 96)


def test_sizes_are_multiples_of_the_token_size():
    budget = FrameBudget(8, 112, 168, token=28)
    for size in CAMERAS:
        assert budget.size_for(*size) == smart_resize(*size, factor=28, min_pixels=1, max_pixels=112 * 168)
