import json
import shutil

import pytest
import torch

from lightning_ouro.errors import InputError
from lightning_ouro.solver.loading import LORA_TARGETS, Lora, as_base, checkpoint_folder, load
from lightning_ouro.solver.patches import PatchSpec


def logits(net):
    return net(input_ids=torch.arange(20)[None]).logits


def test_the_same_seed_draws_the_same_weights_whatever_was_drawn_before():
    first = load("tiny", "random", None, seed=5).net.state_dict()
    torch.rand(7)
    again, other = (
        load("tiny", "random", None, seed=5).net.state_dict(),
        load("tiny", "random", None, seed=6).net.state_dict(),
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_loaded_model_is_in_train_mode_throughout():
    assert all(module.training for module in load("tiny", "random", Lora(), seed=0).net.modules())


def test_lora_trains_only_adapters_on_every_linear_layer_of_the_language_model():
    loaded = load("tiny", "random", Lora(rank=4), seed=0)
    trained = {name for name, parameter in loaded.net.named_parameters() if parameter.requires_grad}
    layers = loaded.qwen.config.text_config.num_hidden_layers
    assert len(trained) == 2 * len(LORA_TARGETS) * layers
    assert all("language_model" in name and "lora_" in name for name in trained)


def test_the_base_is_the_model_with_its_adapter_off_and_everything_is_put_back():
    plain, adapted = load("tiny", "random", None, seed=4), load("tiny", "random", Lora(), seed=4)
    for name, parameter in adapted.net.named_parameters():
        if "lora_B" in name:
            torch.nn.init.constant_(parameter, 0.1)
    adapted.net.get_submodule("base_model.model.lm_head").eval()
    modes = [module.training for module in adapted.net.modules()]
    before = logits(adapted.net)
    with pytest.raises(RuntimeError, match="on purpose"), as_base(adapted.net):
        assert not torch.is_grad_enabled()
        assert not any(module.training for module in adapted.net.modules())
        torch.testing.assert_close(logits(adapted.net), logits(plain.net))
        raise RuntimeError("on purpose")
    assert [module.training for module in adapted.net.modules()] == modes
    assert torch.equal(logits(adapted.net), before) and not torch.allclose(before, logits(plain.net))


def test_saved_weights_are_read_back_by_the_same_call(tmp_path):
    drawn = load("tiny", "random", None, seed=7)
    shutil.copytree(checkpoint_folder("tiny"), tmp_path / "mine")
    drawn.qwen.save_pretrained(tmp_path / "mine")
    read = load(str(tmp_path / "mine"), "pretrained", None, seed=0)
    assert all(torch.equal(value, read.net.state_dict()[name]) for name, value in drawn.net.state_dict().items())
    assert read.spec == PatchSpec(16, 2, 2, 0.5, 0.5)


def test_what_cannot_be_loaded_is_named_with_a_remedy(tmp_path):
    with pytest.raises(InputError, match=r"model\.checkpoint='.*nowhere' is neither `tiny`, a folder"):
        load(str(tmp_path / "nowhere"), "pretrained", None, seed=0)
    with pytest.raises(InputError, match=r"'tiny' ships without weights yet: add --model\.init random"):
        load("tiny", "pretrained", None, seed=0)
    shutil.copytree(checkpoint_folder("tiny"), tmp_path / "bare")
    with pytest.raises(InputError, match=r"has no weights that can be read; .* --model\.init random"):
        load(str(tmp_path / "bare"), "pretrained", None, seed=0)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2", "hidden_size": 8}))
    with pytest.raises(InputError, match="is a qwen2; a qwen3_vl checkpoint is needed"):
        load(str(tmp_path), "pretrained", None, seed=0)
    with pytest.raises(InputError, match=r"\['qkv'\] name no linear layer .* it has \['down_proj'"):
        load("tiny", "random", Lora(targets=("qkv",)), seed=0)
