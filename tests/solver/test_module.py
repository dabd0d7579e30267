"""The module under a trainer's strategy, its defaults, and what its checkpoints hold."""

import re
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.strategies import FSDPStrategy, SingleDeviceStrategy

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.loading import Lora
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.sharding import check_trainer


def test_an_unsupported_strategy_is_refused_before_the_model_is_built():
    module = SolverModule(init="random")
    module.trainer = SimpleNamespace(strategy=FSDPStrategy(), precision="32-true")
    with pytest.raises(InputError, match=r"trainer\.strategy=FSDPStrategy is not supported"):
        module.setup("fit")
    assert module.loaded is None


def test_a_supported_strategy_builds_the_model():
    module = SolverModule(init="random")
    module.trainer = SimpleNamespace(strategy=SingleDeviceStrategy(), precision="32-true")
    module.setup("fit")
    module.configure_model()
    assert module.loaded is not None


def test_by_default_an_adapter_of_rank_8_is_trained_at_a_rate_of_1e_3():
    module = SolverModule()
    module.configure_model()
    (group,) = module.configure_optimizers().param_groups
    assert module.lora == Lora(rank=8) and group["lr"] == 1e-3
    assert {id(weight) for weight in group["params"]} == {
        id(weight) for name, weight in module.named_parameters() if "lora_" in name
    }


@pytest.mark.parametrize(
    ("precision", "warns"), [("bf16-true", True), ("bf16-mixed", False), ("32-true", False)]
)
def test_training_with_bfloat16_weights_warns(precision, warns, recwarn):
    check_trainer(SimpleNamespace(precision=precision, strategy=SingleDeviceStrategy()))
    assert [("rounds small updates away" in str(warning.message)) for warning in recwarn] == [True] * warns


def test_the_memory_line_covers_the_fewest_and_the_most_videos():
    module = SolverModule(init="random")
    module.trainer = SimpleNamespace(strategy=SingleDeviceStrategy())
    line = module.memory_needed(FrameBudget(), 16, 16, "32-true")
    assert re.search(
        r"[GM]B on one device, with 1 video\(s\) per micro-batch; (\d+ MB|[\d.]+ GB) with 16$", line
    )


def test_an_unattached_module_loads_a_checkpoint_of_its_own_base_only(tmp_path):
    module = SolverModule(init="random")
    module.configure_model()
    module.trainer = SimpleNamespace(strategy=SingleDeviceStrategy())
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    other = SolverModule(init="random")
    other.configure_model()
    other.on_load_checkpoint(checkpoint)
    other.lora = Lora(rank=4)
    with pytest.raises(InputError, match=r"was trained on .*'rank': 8.* but this run has .*'rank': 4"):
        other.on_load_checkpoint(checkpoint)


def test_a_checkpoint_holds_trained_weights_and_the_loss_normaliser_only():
    module = SolverModule(init="random")
    module.configure_model()
    module.trainer = SimpleNamespace(strategy=SingleDeviceStrategy())
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    names = set(checkpoint["state_dict"])
    assert names - set(checkpoint["trained"]) == {"weighted_loss.previous_mean"}
    assert all("lora_" in name for name in checkpoint["trained"])
    checkpoint["state_dict"].pop(min(checkpoint["trained"]))
    with pytest.raises(
        InputError, match=f"lacks 1 trained weights, the first is {min(checkpoint['trained'])}"
    ):
        module.on_load_checkpoint(checkpoint)
    assert torch.is_tensor(checkpoint["state_dict"]["weighted_loss.previous_mean"])
