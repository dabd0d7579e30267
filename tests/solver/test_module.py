"""Building the model under the trainer's strategy."""

import re
from types import SimpleNamespace

import pytest
from lightning.pytorch.strategies import FSDPStrategy, SingleDeviceStrategy

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.sharding import check_trainer


def test_a_strategy_that_does_not_work_is_refused_before_the_model_is_built():
    module = SolverModule(init="random")
    module._trainer = SimpleNamespace(strategy=FSDPStrategy(), precision="32-true")
    with pytest.raises(InputError, match=r"trainer\.strategy=FSDPStrategy is not supported"):
        module.setup("fit")
    assert module.loaded is None


def test_other_strategies_build_the_model():
    module = SolverModule(init="random")
    module._trainer = SimpleNamespace(strategy=SingleDeviceStrategy(), precision="32-true")
    module.setup("fit")
    module.configure_model()
    assert module.loaded is not None


@pytest.mark.parametrize(
    ("precision", "warns"), [("bf16-true", True), ("bf16-mixed", False), ("32-true", False)]
)
def test_training_in_bfloat16_alone_is_warned_of(precision, warns, recwarn):
    check_trainer(SimpleNamespace(precision=precision, strategy=SingleDeviceStrategy()))
    assert [("rounds small updates away" in str(warning.message)) for warning in recwarn] == [True] * warns


def test_the_memory_line_says_what_unshared_videos_would_take():
    module = SolverModule(init="random")
    module._trainer = SimpleNamespace(strategy=SingleDeviceStrategy())
    line = module.memory_needed(FrameBudget(), 16, 16, "32-true")
    assert re.search(r"[GM]B on one device at 1 video\(s\) a batch, (\d+ MB|[\d.]+ GB) at 16$", line)
