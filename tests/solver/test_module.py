from types import SimpleNamespace

import pytest
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy, SingleDeviceStrategy

from lightning_ouro.errors import InputError
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
