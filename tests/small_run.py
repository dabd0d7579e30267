"""The run that tests of the application share: the default config, made small."""

from pathlib import Path

from lightning_ouro.atomic_files import from_jsonl

CONFIGS = Path(__file__).parents[1] / "configs"
TINY = str(CONFIGS / "tiny.yaml")
SMALL = [
    *("--data.num_train_scenes", "4", "--data.num_val_scenes", "2", "--data.num_test_scenes", "2"),
    *(
        "--data.steps_per_round",
        "3",
        "--data.questions_per_step",
        "12",
        "--data.eval_questions_per_scene",
        "4",
    ),
    *(
        "--loop.proposals_per_scene",
        "26",
        "--trainer.max_epochs",
        "2",
        "--trainer.enable_progress_bar",
        "false",
    ),
]


def lines(path):
    """The objects of a file of JSON lines."""
    return from_jsonl(path.read_bytes())
