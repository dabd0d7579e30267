import json

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.list_options import join_lists


def paths(*words):
    (joined,) = join_lists(words)
    option, _, value = joined.partition("=")
    assert option == "--data.scenes"
    return json.loads(value)


def test_paths_after_a_list_option_become_a_list():
    assert join_lists(["fit", "--data.scenes", "a b.json", "c", "--data.seed", "1"]) == [
        "fit",
        '--data.scenes=["a b.json", "c"]',
        "--data.seed",
        "1",
    ]


@pytest.mark.parametrize(
    "name", ["#1", "695e0514", "1e5", "true", "[a", "a,b", "a: b", "{x}", "~", "\udce9", "./null", "é #2"]
)
def test_a_name_is_a_path_whatever_yaml_makes_of_it(name):
    assert paths("--data.scenes", name) == paths(f"--data.scenes={name}") == [name]
    assert paths("--data.scenes", name, "b") == [name, "b"]


def test_null_is_no_path_unless_it_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert paths("--data.scenes", "null") is paths("--data.scenes=null") is None
    (tmp_path / "null").mkdir()
    assert paths("--data.scenes", "null") == paths("--data.scenes=null") == ["null"]


def test_a_list_as_yaml_writes_it_is_a_list_unless_such_a_folder_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert paths("--data.scenes=[a, 695e0514, 'b c']") == ["a", "695e0514", "b c"]
    (tmp_path / "[a, b]").mkdir()
    assert paths("--data.scenes=[a, b]") == ["[a, b]"]


def test_paths_may_be_added_to_those_of_a_config():
    assert join_lists(["--data.scenes+", "#1", "--data.scenes+=1e5"]) == [
        '--data.scenes+=["#1"]',
        '--data.scenes+=["1e5"]',
    ]


@pytest.mark.parametrize("words", [["--data.scenes"], ["--data.scenes="], ["--data.scenes", "--x", "1"]])
def test_a_list_option_needs_a_path(words):
    with pytest.raises(InputError, match=r"--data\.scenes needs at least one path"):
        join_lists(words)
