"""Building the model under the trainer's strategy."""

from types import SimpleNamespace

import pytest
from lightning.pytorch.strategies import FSDPStrategy, SingleDeviceStrategy

from lightning_ouro.errors import InputError
from lightning_ouro.solver.module import SolverModule


def test_a_strategy_that_does_not_work_is_refused_before_the_model_is_built():
    module = SolverModule(init="random")
    module._trainer = SimpleNamespace(strategy=FSDPStrategy())
    with pytest.raises(InputError, match=r"trainer\.strategy=FSDPStrategy is not supported"):
        module.setup("fit")
    assert module.loaded is None


def test_other_strategies_build_the_model():
    module = SolverModule(init="random")
    module._trainer = SimpleNamespace(strategy=SingleDeviceStrategy())
    module.setup("fit")
    module.configure_model()
    assert module.loaded is not None
