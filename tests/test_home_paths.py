"""`~` in every option that is a path, on the command line and in YAML."""

from pathlib import Path

import pytest
import yaml

from lightning_ouro.cli import main
from lightning_ouro.commands import bootstrap, propose
from lightning_ouro.config_paths import resolve_configs
from lightning_ouro.home_paths import expanded_options, in_home
from lightning_ouro.scenes.store import write_scene
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver_cli import SolverCLI
from lightning_ouro.trainer_cli import TrainerCLI

from .small_run import SMALL, TINY

# Every option of the commands with a Trainer that is a path, by where it stands in the parsed options.
PATHS = {
    "data.scenes": "rooms",
    "data.revsi_annotation": "revsi.json",
    "model.checkpoint": "base",
    "model.features.folder": "features",
    "checkpoint.dirpath": "run/checkpoints",
    "trainer.default_root_dir": "root",
    "trainer.logger.init_args.save_dir": "logs",
    "loop.proposer.init_args.key_file": "keys/endpoint",
}
OF_CLASSES = {
    "trainer": {"logger": {"class_path": "CSVLogger"}},
    "loop": {
        "proposer": {
            "class_path": "EndpointProposer",
            "init_args": {"url": "http://localhost/v1", "model": "m"},
        }
    },
}


class ParsedError(Exception):
    """Stops a command when its options are read."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home of mine"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def parsed(monkeypatch, tmp_path):
    """The options of a command as it goes on with them."""

    def instantiate(cli):
        raise ParsedError(cli.settings)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(TrainerCLI, "before_instantiate_classes", instantiate)

    def parse(command, *words):
        with pytest.raises(ParsedError) as stop:
            main([command, *words])
        return stop.value.args[0]

    return parse


def put(tree, name, value):
    *groups, last = name.split(".")
    for group in groups:
        tree = tree.setdefault(group, {})
    tree[last] = value


def written(tmp_path, values):
    """A config with options of the classes that some paths belong to."""
    tree = {"seed_everything": 0}
    for name, value in {**OF_CLASSES, **values}.items():
        put(tree, name, value)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(tree))
    return str(tmp_path / "mine.yaml")


def assert_in_home(options, home):
    for name, path in PATHS.items():
        value = options[name]
        assert ([value] if isinstance(value, str) else value) == [str(home / path)], name


@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict", "propose"])
@pytest.mark.parametrize("how", ["yaml", "words", "equals"])
def test_every_path_option_may_begin_with_the_home(home, parsed, tmp_path, command, how):
    values = {name: f"~/{path}" for name, path in PATHS.items()}
    config = written(tmp_path, values if how == "yaml" else {})
    words = []
    for name, value in values.items() if how != "yaml" else ():
        words += [f"--{name}={value}"] if how == "equals" else [f"--{name}", value]
    assert_in_home(parsed(command, "--config", config, *words), home)


def test_lists_and_options_of_any_class_begin_with_the_home(home, parsed, tmp_path):
    profiler = {"class_path": "SimpleProfiler", "init_args": {"dirpath": "~/profiles", "filename": "p"}}
    own = {"class_path": "ModelCheckpoint", "init_args": {"dirpath": "~/others"}}
    config = written(tmp_path, {"trainer.profiler": profiler, "trainer.callbacks": [own]})
    options = parsed("fit", "--config", config, "--data.scenes", "~/a", "~/b*", "c~", "./~")
    assert options["data.scenes"] == [str(home / "a"), str(home / "b*"), "c~", "./~"]
    assert options.trainer.profiler.init_args.dirpath == str(home / "profiles")
    assert options.trainer.callbacks[0].init_args.dirpath == str(home / "others")


@pytest.mark.parametrize(
    "words", [["--config", "~/mine.yaml"], ["--config=~/mine.yaml"], ["-c", "~/mine.yaml"]]
)
def test_a_config_may_lie_in_the_home(home, parsed, words):
    written(home, {"model.checkpoint": "~/base"})
    assert parsed("fit", *words).model.checkpoint == str(home / "base")
    assert resolve_configs(["fit", *words])[-1].endswith(str(home / "mine.yaml"))


def test_a_checkpoint_may_lie_in_the_home(home, parsed, fitted):
    (home / "run").symlink_to(fitted)
    options = parsed("validate", "--config", TINY, "--ckpt_path", "~/run/checkpoints/last.ckpt")
    assert options.ckpt_path == str(home / "run/checkpoints/last.ckpt")
    assert parsed("validate", "--config=~/run/config.fit.yaml", "--ckpt_path", "last").ckpt_path == "last"


def test_other_commands_begin_with_the_home_too(home, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    scene = procedural_scene(4)
    write_scene(scene, scene.footage.load(scene, FrameBudget(4, 192, 256)), home / "rooms" / scene.id)
    (home / "asked.jsonl").write_text(
        f'{{"scene_id": "{scene.id}", "text": "Why?", "program": "def answer(scene):\\n    return 1\\n"}}\n'
    )
    (home / "show.yaml").write_text("scenes: ~/rooms\nout: ~/of yaml.png\nwidth: 400\n")
    main(["prepare", "~/rooms/*", "~/store", "--workers=1"])
    main(["show", "~/store", "--out=~/sheet.png", "--width", "400"])
    main(["show", "--config", "~/show.yaml"])
    main(["verify", "~/store", "--proposals=~/asked.jsonl", "--out=~/verified"])
    for name in ("store", "sheet.png", "of yaml.png", "verified/rejections.jsonl"):
        assert (home / name).exists(), name
    assert [entry.name for entry in tmp_path.iterdir()] == [home.name]


def test_a_run_in_the_home_is_recorded_by_its_whole_path(home, run, tmp_path):
    folder = "--trainer.logger.init_args.save_dir=~/runs"
    run(
        "fit",
        "--config",
        TINY,
        *SMALL,
        folder,
        "--trainer.max_epochs=1",
        "--model.features.folder=~/features",
    )
    record = yaml.safe_load((home / "runs/tiny/version_0/config.fit.yaml").read_text())
    assert record["model"]["features"]["folder"] == str(home / "features") and any(
        (home / "features").iterdir()
    )
    assert record["checkpoint"]["dirpath"] == str(home / "runs/tiny/version_0/checkpoints")
    assert not (tmp_path / "~").exists()


def test_bootstrap_and_propose_read_their_options_as_the_others_do():
    for command in (SolverCLI, bootstrap.BootstrapCLI, propose.ProposeCLI):
        assert command.parse_arguments in (TrainerCLI.parse_arguments, SolverCLI.parse_arguments)


@pytest.mark.parametrize("text", ["~nobody-of-this-name/a", "a~", "./~/a", "", "tiny", "Qwen/~"])
def test_texts_without_a_home_stay_what_they_are(home, text):
    assert expanded_options({"a": [text, (text,)], 1: None}) == {"a": [text, (text,)], 1: None}


def test_what_is_called_like_a_home_is_meant_itself(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert in_home(Path("~/a")) == home / "a" and in_home(Path("~")) == home
    (tmp_path / "~").mkdir()
    (tmp_path / "~" / "a").touch()
    assert in_home(Path("~/a")) == Path("~/a") and in_home(Path("~/b")) == home / "b"
