"""Several processes that share one folder."""

import multiprocessing
import os
import random
import time
from contextlib import suppress

import pytest
import torch
from safetensors.torch import load_file

from .cached_features import KEYS, TOKEN, bytes_in, entry, is_exactly, make, on_disk


def start(work, *arguments):
    """A process that, like a DataLoader's worker, does not use torch's threads, which do not survive a fork."""
    process = multiprocessing.get_context("fork").Process(
        target=on_one_thread, args=(work, *arguments), daemon=True
    )
    process.start()
    return process


def on_one_thread(work, *arguments):
    torch.set_num_threads(1)
    work(*arguments)


def put_and_get(folder, seed, bound):
    rng, cache = random.Random(seed), on_disk(folder, bound)
    for _ in range(1000):
        key = rng.choice(KEYS[:6])
        if rng.random() < 0.3:
            cache.put(key, make(key, 50))
        elif (features := cache.get(key)) is not None:
            assert is_exactly(features, make(key, 50))
    assert cache.hits > 0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # see `start`
def test_processes_share_a_folder_while_files_are_truncated_and_deleted(tmp_path):
    bound = 4 * 50 * TOKEN
    processes = [start(put_and_get, tmp_path, seed, bound) for seed in range(2)]
    rng = random.Random(2)
    while any(process.is_alive() for process in processes):
        for path in tmp_path.rglob("*.safetensors*"):  # unfinished ones too
            with suppress(FileNotFoundError):
                if rng.random() < 0.05:
                    path.unlink()
                elif rng.random() < 0.05:
                    os.truncate(path, rng.randrange(5000))
        time.sleep(0.002)
    assert [process.exitcode for process in processes] == [0, 0]
    assert bytes_in(tmp_path) <= bound + 50 * TOKEN + 500  # two writers exceed it by one file at most
    assert not list(tmp_path.rglob(".*"))


def put_forever(folder):
    cache = on_disk(folder)
    while True:
        for key in KEYS:
            cache.put(key, make(key, 2000))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # see `start`
def test_writers_killed_at_any_moment_leave_no_broken_entry(tmp_path):
    rng, kills = random.Random(0), 0
    while kills < 15 or (
        kills < 200 and not list(tmp_path.rglob(".*"))
    ):  # until one died in the middle of a file
        process = start(put_forever, tmp_path)
        time.sleep(rng.uniform(0.01, 0.06))
        process.kill()
        process.join()
        kills += 1
    assert list(tmp_path.rglob(".*"))
    written = [key for key in KEYS if entry(tmp_path, key).exists()]
    cache = on_disk(tmp_path)
    for key in written:
        assert torch.equal(load_file(entry(tmp_path, key))["pooled"], make(key, 2000).pooled)
        assert is_exactly(cache.get(key), make(key, 2000))
    assert cache.misses == 0 and len(written) > 3
