import json
import os
import random
import resource
import time
from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lightning_ouro.errors import InputError
from lightning_ouro.solver.feature_cache import FeatureCache, Features, FeatureSettings

from .cached_features import KEYS, TOKEN, bytes_in, entry, in_memory, is_exactly, make, on_disk, tensors


@given(
    st.integers(0, 6 * TOKEN),
    st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(1, 3)), max_size=40),
)
@example(5 * TOKEN, [(True, 0, 5), (False, 0, 5)])  # 480 / 1e9 * 1e9 is less than 480
@example(2 * TOKEN, [(True, 0, 1), (True, 1, 1), (False, 0, 1), (True, 2, 1), (False, 1, 1), (False, 0, 1)])
def test_memory_holds_what_a_simple_model_of_it_holds(bound, steps):
    cache, model, hits, misses = in_memory(bound), [], 0, 0  # model: (key, features), the last used last
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
            found = cache.get(key)
            hits, misses = hits + (held is not None), misses + (held is None)
            assert found is None if held is None else is_exactly(found, held[1])
            model += [] if held is None else [held]
        assert (cache.hits, cache.misses) == (hits, misses)


def test_a_bound_of_nothing_keeps_nothing(tmp_path):
    cache = FeatureCache(FeatureSettings(0, str(tmp_path / "never_made"), 0))
    cache.put(KEYS[0], make(KEYS[0]))
    assert cache.get(KEYS[0]) is None
    assert not (tmp_path / "never_made").exists()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_bit_comes_back_from_memory_and_from_disk(tmp_path, dtype):
    bits = {torch.float32: torch.int32, torch.bfloat16: torch.int16}[dtype]
    limits = torch.iinfo(bits)
    odd = torch.randint(limits.min, limits.max, (50, 8), dtype=bits).view(
        dtype
    )  # NaNs, infinities, subnormals
    odd[0] = torch.tensor([0.0, -0.0, float("nan"), float("inf"), -float("inf"), 1e-40, 1.0, -1.0])
    features = Features(odd, [odd.flip(0), odd.flip(1)])
    cache = FeatureCache(FeatureSettings(1, str(tmp_path)))
    cache.put(KEYS[0], features)
    assert is_exactly(cache.get(KEYS[0]), features)
    assert is_exactly(on_disk(tmp_path).get(KEYS[0]), features)
    read = load_file(entry(tmp_path, KEYS[0]))
    assert is_exactly(
        Features(read.pop("pooled"), [read.pop("deepstack.0"), read.pop("deepstack.1")]), features
    )
    assert not read
    with safe_open(entry(tmp_path, KEYS[0]), "pt") as file:
        assert file.metadata()["version"] == "1"


def test_what_is_kept_is_a_copy_that_holds_no_batch_alive_and_no_graph(tmp_path):
    batch = torch.randn(1000, 8, requires_grad=True)
    layer = torch.randn(8, 3).T  # not contiguous
    cache = FeatureCache(FeatureSettings(1, str(tmp_path)))
    cache.put(KEYS[0], Features((batch * 2)[3:6], [layer]))
    expected = Features((batch * 2)[3:6].detach().clone(), [layer.clone()])
    with torch.no_grad():
        batch.zero_()
        layer.zero_()
    for found in (cache.get(KEYS[0]), on_disk(tmp_path).get(KEYS[0])):
        assert is_exactly(found, expected)
        for tensor in tensors(found):
            assert tensor.is_contiguous() and not tensor.requires_grad
            assert tensor.untyped_storage().nbytes() == tensor.nbytes


@pytest.mark.parametrize("folder", [None, "kept"])
def test_what_was_put_and_found_in_inference_mode_enters_a_graph(tmp_path, folder):
    settings = FeatureSettings(folder is None, None if folder is None else str(tmp_path / folder))
    cache = FeatureCache(settings)
    with torch.inference_mode():
        made = make(KEYS[0])
        made = Features(made.pooled * 1, [layer * 1 for layer in made.deepstack])
        assert made.pooled.is_inference()
        cache.put(KEYS[0], made)
        found = cache.get(KEYS[0])
    weight = torch.ones(8, requires_grad=True)
    (torch.cat(tensors(found)) * weight).sum().backward()
    assert torch.allclose(weight.grad, torch.cat(tensors(make(KEYS[0]))).sum(0))
    assert not any(tensor.is_inference() for tensor in tensors(found))


def test_disk_serves_later_runs_and_fills_their_memory(tmp_path):
    on_disk(tmp_path).put(KEYS[0], make(KEYS[0]))
    later = FeatureCache(FeatureSettings(1, str(tmp_path)))
    assert later.get(KEYS[1]) is None
    first = later.get(KEYS[0])
    entry(tmp_path, KEYS[0]).unlink()
    assert later.get(KEYS[0]) is first and is_exactly(first, make(KEYS[0]))
    assert (later.hits, later.misses) == (2, 1)


def test_disk_deletes_the_least_recently_used_first_and_nothing_of_others(tmp_path):
    foreign = [
        tmp_path / "model.safetensors",
        tmp_path / "ab" / "notes.txt",
        tmp_path / "ab" / ".x.safetensors.1",
    ]
    (tmp_path / "ab").mkdir()
    for path in foreign:
        path.write_bytes(bytes(5000))
        os.utime(path, (0, 0))
    filler = on_disk(tmp_path)
    for age, key in enumerate(KEYS[:8]):
        filler.put(key, make(key))
        os.utime(entry(tmp_path, key), (1000 + age, 1000 + age))
    size = entry(tmp_path, KEYS[0]).stat().st_size
    cache = on_disk(tmp_path, 8 * size)
    assert cache.get(KEYS[0]) is not None  # the oldest becomes the youngest
    for key in KEYS[8:11]:
        cache.put(key, make(key))
    assert [number for number in range(11) if entry(tmp_path, KEYS[number]).exists()] == [
        0,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
    ]
    assert all(path.exists() for path in foreign)


def test_the_folder_never_passes_its_bound(tmp_path):
    draw, bound, largest = random.Random(0), 16_000, 20 * TOKEN + 500  # a header has less than 500 bytes
    cache, seen = on_disk(tmp_path, bound), []
    for _ in range(150):
        put, got = draw.choices(range(20), k=2)
        cache.put(KEYS[put], make(KEYS[put], put + 1))
        found = cache.get(KEYS[got])
        assert found is None or is_exactly(found, make(KEYS[got], got + 1))
        seen.append(bytes_in(tmp_path))
    assert max(seen) <= bound
    assert min(seen[40:]) > bound - 2 * largest  # it deletes no more than it must
    assert cache.hits > 50


def test_a_folder_above_a_lowered_bound_shrinks_at_the_first_put(tmp_path):
    filler = on_disk(tmp_path)
    for key in KEYS[:10]:
        filler.put(key, make(key))
    size = bytes_in(tmp_path) // 10
    cache = on_disk(tmp_path, 3 * size)
    cache.put(KEYS[10], make(KEYS[10]))
    assert bytes_in(tmp_path) <= 3 * size
    assert is_exactly(cache.get(KEYS[10]), make(KEYS[10]))


def test_what_is_larger_than_the_folder_is_not_kept_and_pushes_nothing_out(tmp_path):
    cache = on_disk(tmp_path, 3000)
    cache.put(KEYS[0], make(KEYS[0]))
    cache.put(KEYS[1], make(KEYS[1], 1000))
    assert cache.get(KEYS[1]) is None
    assert is_exactly(cache.get(KEYS[0]), make(KEYS[0]))


def header_with(path: Path, change) -> bytes:
    """The file with another header, built by hand after the format's description."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    change(header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


DAMAGES = {
    "empty": lambda path: b"",
    "text": lambda path: b"<html>no such page</html>" * 20,
    "zeros": lambda path: bytes(path.stat().st_size),
    "huge header": lambda path: b"\xff" * 8 + path.read_bytes()[8:],
    "bytes behind": lambda path: path.read_bytes() + b"\0",
    "no metadata": lambda path: header_with(path, lambda header: header.pop("__metadata__")),
    "null metadata": lambda path: header_with(path, lambda header: header.update(__metadata__=None)),
    "no checksum": lambda path: header_with(path, lambda header: header["__metadata__"].pop("checksum")),
    "newer version": lambda path: header_with(
        path, lambda header: header["__metadata__"].update(version="2")
    ),
    "other name": lambda path: header_with(path, lambda header: header.update(pool=header.pop("pooled"))),
    "layer missing": lambda path: header_with(
        path, lambda header: header.update({"deepstack.2": header.pop("deepstack.0")})
    ),
    "other type": lambda path: header_with(path, lambda header: header["pooled"].update(dtype="I32")),
    "unknown type": lambda path: header_with(
        path, lambda header: header["pooled"].update(dtype="F4", shape=[32, 8])
    ),
    "other shape": lambda path: header_with(path, lambda header: header["pooled"].update(shape=[8, 4])),
    "layers swapped": lambda path: header_with(
        path,
        lambda header: header.update(
            {"deepstack.0": header["deepstack.1"], "deepstack.1": header["deepstack.0"]}
        ),
    ),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_counts_as_missing_and_is_deleted(tmp_path, kind):
    cache, path = on_disk(tmp_path), entry(tmp_path, KEYS[0])
    cache.put(KEYS[0], make(KEYS[0]))
    path.write_bytes(header_with(path, lambda header: None))
    assert is_exactly(cache.get(KEYS[0]), make(KEYS[0]))  # a header by hand is not what is wrong
    path.write_bytes(DAMAGES[kind](path))
    assert cache.get(KEYS[0]) is None
    assert not path.exists() and (cache.hits, cache.misses) == (1, 1)
    cache.put(KEYS[0], make(KEYS[0]))
    assert is_exactly(cache.get(KEYS[0]), make(KEYS[0]))


@pytest.mark.parametrize(
    "content", [{}, {"pooled": torch.zeros(())}, {"pooled": torch.zeros(0, 8), "x": torch.ones(1)}]
)
def test_a_valid_file_of_something_else_counts_as_missing(tmp_path, content):
    path = entry(tmp_path, KEYS[0])
    path.parent.mkdir()
    save_file(content, path, {"version": "1", "checksum": "00000000"})
    assert on_disk(tmp_path).get(KEYS[0]) is None
    assert not path.exists()


def test_cut_anywhere_or_with_any_bit_turned_a_file_is_missing(tmp_path):
    cache, path = on_disk(tmp_path), entry(tmp_path, KEYS[0])
    features = Features(torch.tensor([[1.5, -2.0]]), [torch.tensor([[0.0, 3.0]])])
    cache.put(KEYS[0], features)
    whole = path.read_bytes()
    turned = (
        whole[: bit // 8] + bytes([whole[bit // 8] ^ 1 << bit % 8]) + whole[bit // 8 + 1 :]
        for bit in range(8 * len(whole))
    )
    for damaged in [*(whole[:size] for size in range(len(whole))), *turned]:
        path.write_bytes(damaged)
        assert cache.get(KEYS[0]) is None, damaged
        assert not path.exists()
    path.write_bytes(whole)
    assert is_exactly(cache.get(KEYS[0]), features)


def test_a_folder_in_the_place_of_a_file_is_no_exception_when_read(tmp_path):
    entry(tmp_path, KEYS[0]).mkdir(parents=True)
    assert on_disk(tmp_path).get(KEYS[0]) is None


def test_leftovers_of_dead_writers_go_and_those_of_the_living_stay(tmp_path):
    path = entry(tmp_path, KEYS[0])
    path.parent.mkdir()
    old, young = (path.with_name(f".{path.name}.{pid}") for pid in (11, 12))
    for left, age in ((old, 3700), (young, 3500)):
        left.write_bytes(bytes(3000))
        os.utime(left, (time.time() - age,) * 2)
    cache = on_disk(tmp_path)
    cache.get(KEYS[1])
    assert old.exists()  # looking up does not scan
    cache.put(KEYS[1], make(KEYS[1]))
    assert not old.exists() and young.exists()
    narrow = on_disk(tmp_path, 3000 + 4 * TOKEN - 1)
    narrow.put(KEYS[2], make(KEYS[2]))
    assert narrow.get(KEYS[2]) is None and young.exists()  # what others are writing takes room too


def test_a_disk_that_takes_no_more_is_reported_once_and_still_read(tmp_path):
    cache = on_disk(tmp_path)
    cache.put(KEYS[0], make(KEYS[0]))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (2000, hard)
    )  # writing fails as on a full disk, in the middle of a file
    try:
        with pytest.warns(UserWarning, match="nothing more is kept there") as warned:
            cache.put(KEYS[1], make(KEYS[1], 100))
            cache.put(KEYS[2], make(KEYS[2], 100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(warned) == 1 and "features.folder" in str(warned[0].message)
    assert cache.get(KEYS[1]) is None and is_exactly(cache.get(KEYS[0]), make(KEYS[0]))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{KEYS[0]}.safetensors"]


@pytest.mark.parametrize("name", ["memory_gb", "disk_gb"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_bounds_that_are_none_are_refused(name, value):
    with pytest.raises(InputError, match=f"model.features.{name}={value}"):
        FeatureSettings(**{name: value})


@pytest.mark.parametrize("place", ["a_file", "a_file/below", "/proc/nowhere"])
def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path, place):
    (tmp_path / "a_file").write_text("x")
    folder = str(tmp_path / place)  # an absolute place stays as it is
    with pytest.raises(InputError, match=f"model.features.folder='{folder}'"):
        FeatureCache(FeatureSettings(folder=folder))
