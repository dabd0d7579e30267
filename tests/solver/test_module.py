import re
from types import SimpleNamespace

import pytest
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy, SingleDeviceStrategy

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.module import SolverModule


@pytest.mark.parametrize("strategy", [FSDPStrategy, ModelParallelStrategy])
def test_a_strategy_that_shards_is_refused_before_ranks_train_apart(strategy):
    module = SolverModule(init="random")
    module._trainer = SimpleNamespace(strategy=strategy())
    with pytest.raises(InputError, match=rf"trainer\.strategy={strategy.__name__} does not work yet; take ddp"):
        module.configure_model()
    assert module.loaded is None


def test_other_strategies_build_the_model():
    module = SolverModule(init="random")
    module._trainer = SimpleNamespace(strategy=SingleDeviceStrategy())
    module.configure_model()
    assert module.loaded is not None


@pytest.mark.parametrize(("precision", "warns"), [("bf16-true", True), ("bf16-mixed", False), ("32-true", False)])
def test_training_in_bfloat16_alone_is_warned_of(precision, warns, recwarn):
    module = SolverModule(init="random")
    module._trainer = SimpleNamespace(precision=precision, optimizers=[])
    module.on_train_start()
    assert [("rounds away" in str(warning.message)) for warning in recwarn] == [True] * warns


def test_the_memory_line_says_what_unshared_videos_would_take():
    line = SolverModule(init="random").memory_needed(FrameBudget(), 16, 16, "32-true")
    assert re.search(r"[GM]B on one device at 1 video\(s\) a batch, (\d+ MB|[\d.]+ GB) at 16$", line)
