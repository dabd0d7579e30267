from lightning_ouro.list_options import join_lists


def test_paths_after_a_list_option_become_a_list():
    assert join_lists(["fit", "--data.scenes", "a b.json", "c", "--data.seed", "1"]) == [
        "fit",
        "--data.scenes=[a b.json, c]",
        "--data.seed",
        "1",
    ]


def test_null_after_a_list_option_is_no_path():
    assert join_lists(["--data.scenes", "null", "--x", "1"]) == ["--data.scenes=null", "--x", "1"]
    assert join_lists(["--data.scenes", "./null"]) == ["--data.scenes=[./null]"]
