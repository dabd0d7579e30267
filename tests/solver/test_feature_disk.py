import os
import random
import resource
import time

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.solver.feature_cache import FeatureCache, FeatureSettings

from .cached_features import KEYS, TOKEN, bytes_in, entry, is_exactly, make, on_disk


def test_the_least_recently_used_entry_goes_first_and_foreign_files_stay(tmp_path):
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
    left = [number for number in range(11) if entry(tmp_path, KEYS[number]).exists()]
    assert left == [0, 4, 5, 6, 7, 8, 9, 10]
    assert all(path.exists() for path in foreign)


def test_the_folder_never_exceeds_its_bound(tmp_path):
    rng, bound, largest = random.Random(0), 16_000, 20 * TOKEN + 500  # a header has less than 500 bytes
    cache, sizes = on_disk(tmp_path, bound), []
    for _ in range(150):
        put, got = rng.choices(range(20), k=2)
        cache.put(KEYS[put], make(KEYS[put], put + 1))
        features = cache.get(KEYS[got])
        assert features is None or is_exactly(features, make(KEYS[got], got + 1))
        sizes.append(bytes_in(tmp_path))
    assert max(sizes) <= bound
    assert min(sizes[40:]) > bound - 2 * largest  # no more is deleted than necessary
    assert cache.hits > 50


def test_a_folder_shrinks_to_a_lowered_bound_at_the_first_put(tmp_path):
    filler = on_disk(tmp_path)
    for key in KEYS[:10]:
        filler.put(key, make(key))
    size = bytes_in(tmp_path) // 10
    cache = on_disk(tmp_path, 3 * size)
    cache.put(KEYS[10], make(KEYS[10]))
    assert bytes_in(tmp_path) <= 3 * size
    assert is_exactly(cache.get(KEYS[10]), make(KEYS[10]))


def test_features_larger_than_the_bound_are_not_stored_and_evict_nothing(tmp_path):
    cache = on_disk(tmp_path, 3000)
    cache.put(KEYS[0], make(KEYS[0]))
    cache.put(KEYS[1], make(KEYS[1], 1000))
    assert cache.get(KEYS[1]) is None
    assert is_exactly(cache.get(KEYS[0]), make(KEYS[0]))


def test_a_directory_in_place_of_a_file_counts_as_missing(tmp_path):
    entry(tmp_path, KEYS[0]).mkdir(parents=True)
    assert on_disk(tmp_path).get(KEYS[0]) is None


def test_unfinished_files_of_dead_writers_are_deleted_and_recent_ones_kept(tmp_path):
    path = entry(tmp_path, KEYS[0])
    path.parent.mkdir()
    old, young = (path.with_name(f".{path.name}.{pid}") for pid in (11, 12))
    for unfinished, age in ((old, 3700), (young, 3500)):
        unfinished.write_bytes(bytes(3000))
        os.utime(unfinished, (time.time() - age,) * 2)
    cache = on_disk(tmp_path)
    cache.get(KEYS[1])
    assert old.exists()  # looking up does not scan
    cache.put(KEYS[1], make(KEYS[1]))
    assert not old.exists() and young.exists()
    narrow = on_disk(tmp_path, 3000 + 4 * TOKEN - 1)
    narrow.put(KEYS[2], make(KEYS[2]))
    assert narrow.get(KEYS[2]) is None and young.exists()  # unfinished files of others count


def test_a_full_disk_is_reported_once_and_still_read_from(tmp_path):
    cache = on_disk(tmp_path)
    cache.put(KEYS[0], make(KEYS[0]))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))  # writing fails in the middle of a file
    try:
        with pytest.warns(UserWarning, match="features are no longer kept there") as warned:
            cache.put(KEYS[1], make(KEYS[1], 100))
            cache.put(KEYS[2], make(KEYS[2], 100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(warned) == 1 and "features.folder" in str(warned[0].message)
    assert cache.get(KEYS[1]) is None and is_exactly(cache.get(KEYS[0]), make(KEYS[0]))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{KEYS[0]}.safetensors"]


@pytest.mark.parametrize("path", ["a_file", "a_file/below", "/proc/nowhere"])
def test_a_folder_that_is_not_writable_is_refused(tmp_path, path):
    (tmp_path / "a_file").write_text("x")
    folder = str(tmp_path / path)  # an absolute path stays as it is
    with pytest.raises(InputError, match=f"model.features.folder='{folder}' is not a writable folder"):
        FeatureCache(FeatureSettings(folder=folder))
