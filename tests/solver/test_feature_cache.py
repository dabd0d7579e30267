import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file

from lightning_ouro.errors import InputError
from lightning_ouro.solver.feature_cache import FeatureCache, FeatureSettings
from lightning_ouro.solver.feature_format import Features

from .cached_features import KEYS, TOKEN, entry, in_memory, is_exactly, make, on_disk, tensors


@given(
    st.integers(0, 6 * TOKEN),
    st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(1, 3)), max_size=40),
)
@example(5 * TOKEN, [(True, 0, 5), (False, 0, 5)])  # 480 / 1e9 * 1e9 is less than 480
@example(2 * TOKEN, [(True, 0, 1), (True, 1, 1), (False, 0, 1), (True, 2, 1), (False, 1, 1), (False, 0, 1)])
def test_memory_keeps_the_same_entries_as_a_simple_model_of_it(bound, steps):
    cache, model, hits, misses = in_memory(bound), [], 0, 0  # model: (key, features), most recently used last
    for is_put, number, tokens in steps:
        key = KEYS[number]
        held = next((pair for pair in model if pair[0] == key), None)
        model = [pair for pair in model if pair[0] != key]
        if is_put:
            features = make(key, tokens)
            cache.put(key, features)
            if tokens * TOKEN <= bound:
                model.append((key, features))
            while sum(len(features.pooled) * TOKEN for _, features in model) > bound:
                del model[0]
        else:
            features = cache.get(key)
            hits, misses = hits + (held is not None), misses + (held is None)
            assert features is None if held is None else is_exactly(features, held[1])
            model += [] if held is None else [held]
        assert (cache.hits, cache.misses) == (hits, misses)


def test_sizes_of_zero_keep_nothing(tmp_path):
    cache = FeatureCache(FeatureSettings(0, str(tmp_path / "never_made"), 0))
    cache.put(KEYS[0], make(KEYS[0]))
    assert cache.get(KEYS[0]) is None
    assert not (tmp_path / "never_made").exists()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_memory_and_disk_return_every_bit(tmp_path, dtype):
    bits = {torch.float32: torch.int32, torch.bfloat16: torch.int16}[dtype]
    limits = torch.iinfo(bits)
    # NaNs, infinities and subnormals among them
    odd = torch.randint(limits.min, limits.max, (50, 8), dtype=bits).view(dtype)
    odd[0] = torch.tensor([0.0, -0.0, float("nan"), float("inf"), -float("inf"), 1e-40, 1.0, -1.0])
    features = Features(odd, [odd.flip(0), odd.flip(1)])
    cache = FeatureCache(FeatureSettings(1, str(tmp_path)))
    cache.put(KEYS[0], features)
    assert is_exactly(cache.get(KEYS[0]), features)
    assert is_exactly(on_disk(tmp_path).get(KEYS[0]), features)
    stored = load_file(entry(tmp_path, KEYS[0]))
    deepstack = [stored.pop("deepstack.0"), stored.pop("deepstack.1")]
    assert is_exactly(Features(stored.pop("pooled"), deepstack), features)
    assert not stored
    with safe_open(entry(tmp_path, KEYS[0]), "pt") as file:
        assert file.metadata()["version"] == "1"


def test_entries_are_copies_that_keep_no_batch_and_no_graph_alive(tmp_path):
    batch = torch.randn(1000, 8, requires_grad=True)
    layer = torch.randn(8, 3).T  # not contiguous
    cache = FeatureCache(FeatureSettings(1, str(tmp_path)))
    cache.put(KEYS[0], Features((batch * 2)[3:6], [layer]))
    expected = Features((batch * 2)[3:6].detach().clone(), [layer.clone()])
    with torch.no_grad():
        batch.zero_()
        layer.zero_()
    for features in (cache.get(KEYS[0]), on_disk(tmp_path).get(KEYS[0])):
        assert is_exactly(features, expected)
        for tensor in tensors(features):
            assert tensor.is_contiguous() and not tensor.requires_grad
            assert tensor.untyped_storage().nbytes() == tensor.nbytes


@pytest.mark.parametrize("folder", [None, "kept"])
def test_features_stored_and_read_in_inference_mode_can_enter_a_graph(tmp_path, folder):
    settings = FeatureSettings(folder is None, None if folder is None else str(tmp_path / folder))
    cache = FeatureCache(settings)
    with torch.inference_mode():
        made = make(KEYS[0])
        made = Features(made.pooled * 1, [layer * 1 for layer in made.deepstack])
        assert made.pooled.is_inference()
        cache.put(KEYS[0], made)
        features = cache.get(KEYS[0])
    weight = torch.ones(8, requires_grad=True)
    (torch.cat(tensors(features)) * weight).sum().backward()
    assert torch.allclose(weight.grad, torch.cat(tensors(make(KEYS[0]))).sum(0))
    assert not any(tensor.is_inference() for tensor in tensors(features))


def test_later_runs_read_from_disk_into_memory(tmp_path):
    on_disk(tmp_path).put(KEYS[0], make(KEYS[0]))
    later = FeatureCache(FeatureSettings(1, str(tmp_path)))
    assert later.get(KEYS[1]) is None
    first = later.get(KEYS[0])
    entry(tmp_path, KEYS[0]).unlink()
    assert later.get(KEYS[0]) is first and is_exactly(first, make(KEYS[0]))
    assert (later.hits, later.misses) == (2, 1)


@pytest.mark.parametrize("name", ["memory_gb", "disk_gb"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_negative_and_infinite_sizes_are_refused(name, value):
    with pytest.raises(
        InputError, match=f"model.features.{name}={value} must be a finite number, at least 0"
    ):
        FeatureSettings(**{name: value})
