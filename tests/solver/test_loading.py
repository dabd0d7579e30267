import shutil
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch

from lightning_ouro.errors import InputError
from lightning_ouro.solver.checkpoint import checkpoint_folder
from lightning_ouro.solver.loading import LORA_TARGETS, Lora, as_base, load
from lightning_ouro.solver.patches import PatchSpec


def logits(net):
    return net(input_ids=torch.arange(20)[None]).logits


def test_weights_depend_on_the_seed_alone():
    first = load("tiny", "random", None, seed=5).net.state_dict()
    torch.rand(7)
    again, other = (load("tiny", "random", None, seed=seed).net.state_dict() for seed in (5, 6))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_loaded_model_is_in_train_mode_throughout():
    assert all(module.training for module in load("tiny", "random", Lora(), seed=0).net.modules())


def test_by_default_lora_is_on_every_linear_layer_of_the_language_model():
    loaded = load("tiny", "random", Lora(rank=4), seed=0)
    trained = {name for name, parameter in loaded.net.named_parameters() if parameter.requires_grad}
    layers = loaded.qwen.config.text_config.num_hidden_layers
    assert len(trained) == 2 * len(LORA_TARGETS) * layers
    assert all("language_model" in name and "lora_" in name for name in trained)


def test_vision_tower_and_mergers_get_adapters_on_request():
    language, blocks, merger = 7 * 4, 4 * 3, 2 * 3
    for lora, number in (
        (Lora(vision=True), language + blocks),
        (Lora(merger=True), language + merger),
        (Lora(vision=True, merger=True), language + blocks + merger),
        (Lora(targets=(), vision=True), blocks),
        (Lora(targets=("q_proj",), merger=True), 4 + merger),
    ):
        net = load("tiny", "random", lora, seed=0).net
        trained = [name for name, weight in net.named_parameters() if weight.requires_grad]
        assert len(trained) == 2 * number
        assert sum(".visual." in name for name in trained) == 2 * (
            blocks * lora.vision + merger * lora.merger
        )
        assert not any("patch_embed" in name or "pos_embed" in name for name in trained)


def test_without_an_adapter_all_or_the_language_models_weights_are_trained():
    def frozen(train):
        net = load("tiny", "random", None, seed=0, train=train).net
        return [name for name, weight in net.named_parameters() if not weight.requires_grad]

    assert frozen("all") == []
    language = frozen("language_model")
    assert language and all(name.startswith("model.visual.") for name in language)
    assert any("merger" in name for name in language) and any("patch_embed" in name for name in language)


def test_weights_have_the_requested_type_and_adapters_stay_float32(tmp_path):
    plain = load("tiny", "random", None, seed=0).net
    assert {weight.dtype for weight in plain.parameters()} == {torch.float32}
    net = load("tiny", "random", Lora(), seed=0, dtype="bfloat16").net
    types = {"lora_" in name: weight.dtype for name, weight in net.named_parameters()}
    assert types == {False: torch.bfloat16, True: torch.float32}
    shutil.copytree(checkpoint_folder("tiny"), tmp_path / "bfloat16")
    load("tiny", "random", None, seed=0, dtype="bfloat16").qwen.save_pretrained(tmp_path / "bfloat16")
    for dtype, expected in (("auto", torch.bfloat16), ("float32", torch.float32)):
        read = load(str(tmp_path / "bfloat16"), "pretrained", None, seed=0, dtype=dtype)
        assert {weight.dtype for weight in read.net.parameters()} == {expected}


def test_a_cast_does_not_round_rotary_frequencies():
    bfloat16, cast = (load("tiny", "random", None, seed=0, dtype="bfloat16") for _ in range(2))
    cast.net.to(torch.bfloat16)  # as Lightning's bf16-true and DeepSpeed do
    ids = torch.arange(1000)[None] % 1000
    exact = bfloat16.net(input_ids=ids).logits
    assert cast.qwen.model.language_model.rotary_emb.inv_freq.dtype == torch.bfloat16
    assert torch.equal(cast.net(input_ids=ids).logits, exact)
    assert cast.qwen.model.language_model.rotary_emb.inv_freq.dtype == torch.float32


def test_the_base_has_its_adapter_off_and_modes_are_restored_afterwards():
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


def test_saved_weights_are_read_back(tmp_path):
    drawn = load("tiny", "random", None, seed=7)
    shutil.copytree(checkpoint_folder("tiny"), tmp_path / "saved")
    drawn.qwen.save_pretrained(tmp_path / "saved")
    read = load(str(tmp_path / "saved"), "pretrained", None, seed=0)
    assert all(
        torch.equal(value, read.net.state_dict()[name]) for name, value in drawn.net.state_dict().items()
    )
    assert read.spec == PatchSpec(16, 2, 2, 0.5, 0.5)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub's cache, without the hub."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_a_hub_name_is_read_from_the_cache(hub):
    commit, repository = "0123456789" * 4, hub / "models--someone--tiny"
    shutil.copytree(checkpoint_folder("tiny"), repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    drawn = load("tiny", "random", None, seed=7)
    drawn.qwen.save_pretrained(repository / "snapshots" / commit)
    read = load("someone/tiny", "pretrained", None, seed=0)
    assert all(
        torch.equal(value, read.net.state_dict()[name]) for name, value in drawn.net.state_dict().items()
    )
    assert read.spec == drawn.spec
    (repository / "snapshots" / commit / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"'someone/tiny' has no readable weights; .* --model\.init random"):
        load("someone/tiny", "pretrained", None, seed=0)


def test_an_unreachable_hub_is_reported_on_one_line(hub):
    with pytest.raises(InputError) as stop:
        load("Qwen/Qwen3-VL-4B-Instruct", "pretrained", None, seed=0)
    message = str(stop.value)
    assert "nor a reachable hub name: We couldn't connect to 'https://huggingface.co'" in message
    assert "\n" not in message and len(message) < 400


def test_tiny_ships_with_weights_in_half_precision():
    drawn, read = load("tiny", "random", None, seed=0), load("tiny", "pretrained", None, seed=0)
    shipped = (Path(checkpoint_folder("tiny")) / "model.safetensors").stat().st_size
    assert shipped < 16 * 2**20
    assert {weight.dtype for weight in read.net.parameters()} == {torch.float32}
    for name, value in read.net.state_dict().items():
        assert not torch.equal(value, drawn.net.state_dict()[name]) or name.endswith("bias"), name


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        (Lora(rank=0), r"model\.lora\.rank=0 must be at least 1"),
        (Lora(alpha=0), r"model\.lora\.alpha=0 must be at least 1"),
        (
            Lora(targets=("qkv",)),
            r"model\.lora\.targets: \['qkv'\] are not linear layers .* choose from \['down_proj'",
        ),
        (
            Lora(targets=("qkv",), vision=True),
            r"model\.lora\.targets: \['qkv'\] are not linear layers of the language model",
        ),
        (Lora(targets=()), r"model\.lora\.targets=\[\] leaves nothing to train; .* set model\.lora\.vision"),
    ],
)
def test_an_impossible_adapter_is_refused(lora, message):
    with pytest.raises(InputError, match=message):
        load("tiny", "random", lora, seed=0)
