"""Several processes at one folder."""

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
    """A process that, like a DataLoader's worker, keeps off torch's threads, which do not survive a fork."""
    process = multiprocessing.get_context("fork").Process(target=alone, args=(work, *arguments), daemon=True)
    process.start()
    return process


def alone(work, *arguments):
    torch.set_num_threads(1)
    work(*arguments)


def put_and_get(folder, seed, bound):
    draw, cache = random.Random(seed), on_disk(folder, bound)
    for _ in range(1000):
        key = draw.choice(KEYS[:6])
        if draw.random() < 0.3:
            cache.put(key, make(key, 50))
        elif (found := cache.get(key)) is not None:
            assert is_exactly(found, make(key, 50))
    assert cache.hits > 0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # see `start`
def test_processes_share_a_folder_while_files_are_cut_and_deleted(tmp_path):
    bound = 4 * 50 * TOKEN
    processes = [start(put_and_get, tmp_path, seed, bound) for seed in range(2)]
    draw = random.Random(2)
    while any(process.is_alive() for process in processes):
        for path in tmp_path.rglob("*.safetensors*"):  # unfinished ones too
            with suppress(FileNotFoundError):
                if draw.random() < 0.05:
                    path.unlink()
                elif draw.random() < 0.05:
                    os.truncate(path, draw.randrange(5000))
        time.sleep(0.002)
    assert [process.exitcode for process in processes] == [0, 0]
    assert bytes_in(tmp_path) <= bound + 50 * TOKEN + 500  # two writers pass it by one file at most
    assert not list(tmp_path.rglob(".*"))


def put_forever(folder):
    cache = on_disk(folder)
    while True:
        for key in KEYS:
            cache.put(key, make(key, 2000))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # see `start`
def test_writers_killed_at_any_moment_leave_no_broken_entry(tmp_path):
    draw, kills = random.Random(0), 0
    while kills < 15 or (kills < 200 and not list(tmp_path.rglob(".*"))):  # some died in the middle of a file
        process = start(put_forever, tmp_path)
        time.sleep(draw.uniform(0.01, 0.06))
        process.kill()
        process.join()
        kills += 1
    assert list(tmp_path.rglob(".*"))
    found = [key for key in KEYS if entry(tmp_path, key).exists()]
    cache = on_disk(tmp_path)
    for key in found:
        assert torch.equal(load_file(entry(tmp_path, key))["pooled"], make(key, 2000).pooled)
        assert is_exactly(cache.get(key), make(key, 2000))
    assert cache.misses == 0 and len(found) > 3
