"""The configs that the package carries: found by name, parsed by their command, honest about themselves."""

import pytest
import yaml

from .small_run import CONFIGS, TINY

ALL_CONFIGS = sorted(CONFIGS.glob("*.yaml"))
STRATEGIES = sorted((CONFIGS / "strategy").glob("*.yaml"))


HEADER = ("# Trains:", "# Command:", "# Time:", "# Memory:", "# Score:", "# Measured:")


def printed_config(run, capsys, *args):
    with pytest.raises(SystemExit) as stop:
        run(*args, "--print_config")
    assert stop.value.code == 0
    return yaml.safe_load(capsys.readouterr().out)


@pytest.mark.parametrize("config", ALL_CONFIGS, ids=[path.name for path in ALL_CONFIGS])
def test_every_config_is_parsed_and_says_what_it_is(run, config, capsys):
    command = "bootstrap" if config.name == "bootstrap.yaml" else "fit"
    printed = printed_config(run, capsys, command, "--config", str(config))
    assert ("loop" in printed) == (command == "fit")
    header = config.read_text("utf8")
    for key in HEADER:
        assert key in header, f"{config.name} lacks {key}"


def test_without_a_config_fit_is_the_tiny_run(run, capsys):
    named = printed_config(run, capsys, "fit", "--config", TINY)
    default = printed_config(run, capsys, "fit")
    assert named == default


@pytest.mark.parametrize(
    "words", [["--config", "tiny.yaml"], ["--config=configs/tiny.yaml"], ["-c", "tiny.yaml"]]
)
def test_a_config_of_the_package_is_found_by_name_from_anywhere(run, capsys, tmp_path, words):
    assert not list(tmp_path.iterdir())
    assert printed_config(run, capsys, "fit", *words) == printed_config(run, capsys, "fit", "--config", TINY)


def test_a_config_here_comes_before_one_of_the_package(run, capsys, tmp_path):
    (tmp_path / "tiny.yaml").write_text("data:\n  steps_per_round: 7\n")
    assert printed_config(run, capsys, "fit", "--config", "tiny.yaml")["data"]["steps_per_round"] == 7


@pytest.mark.parametrize("config", STRATEGIES, ids=[path.name for path in STRATEGIES])
def test_every_strategy_is_parsed_on_top_of_a_config_and_changes_nothing_else(run, config, capsys):
    base, parsed = str(config.parents[1] / "qwen3_vl_4b.yaml"), []
    for configs in ((base,), (base, str(config))):
        with pytest.raises(SystemExit) as stop:
            run("fit", *(word for path in configs for word in ("--config", path)), "--print_config")
        assert stop.value.code == 0
        parsed.append(yaml.safe_load(capsys.readouterr().out))
    without, having = parsed
    strategy = having["trainer"].pop("strategy")
    assert strategy["class_path"].startswith("lightning.pytorch.strategies.")
    assert strategy["init_args"]["timeout"] == "2:00:00"
    without["trainer"].pop("strategy")
    assert having["trainer"]["accumulate_grad_batches"] == 1
    if strategy["class_path"].endswith("ModelParallelStrategy"):
        assert strategy["init_args"]["save_distributed_checkpoint"] is False, (
            "folders of shards cannot lack weights"
        )
    if strategy["class_path"].endswith("DeepSpeedStrategy"):
        assert strategy["init_args"]["logging_batch_size_per_gpu"] == 1, "auto would turn the loop too early"
    for name in ("devices", "accumulate_grad_batches"):
        having["trainer"].pop(name), without["trainer"].pop(name)
    assert having == without
    header = config.read_text("utf8")
    for key in HEADER:
        assert key in header, f"{config.name} lacks {key}"


def test_a_config_may_be_yaml_of_any_length(run, capsys):
    config = "{data: {steps_per_round: 7}}" + " " * 5000
    for words in (["--config", config], [f"--config={config}"]):
        assert printed_config(run, capsys, "fit", *words)["data"]["steps_per_round"] == 7
