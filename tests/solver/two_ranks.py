"""Runs commands on two ranks over gloo, one after another in the same two processes: starting them takes longest."""

import atexit
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from lightning.fabric.utilities.seed import reset_seed
from lightning.pytorch.strategies import DDPStrategy, DeepSpeedStrategy
from torch import device, distributed

from lightning_ouro.cli import main

CONFIGS = Path(__file__).parents[2] / "configs"
SMALL = [
    *("--data.num_train_scenes", "3", "--data.num_test_scenes", "2", "--data.steps_per_round", "2"),
    *("--data.questions_per_step", "8", "--data.eval_questions_per_scene", "12"),
    *("--loop.proposals_per_scene", "8", "--trainer.enable_progress_bar", "false"),
    *("--trainer.num_sanity_val_steps", "0", "--trainer.max_epochs", "2"),
    # Three validation scenes: two for the first rank, one for the second.
    *("--data.num_val_scenes", "3", "--model.max_new_tokens", "4"),
]


def fit(name, *options, devices=2):
    """A run in `runs/NAME/version_0`; options may begin with the strategy's config."""
    folder = ["--trainer.logger.init_args.name", name, "--trainer.logger.init_args.version", "0"]
    hardware = ["--trainer.accelerator", "cpu", "--trainer.devices", str(devices)]
    return ["fit", "--config", str(CONFIGS / "tiny.yaml"), *SMALL, *options, *hardware, *folder]


def again(command, name, *options):
    return [command, "--config", f"runs/{name}/version_0/config.fit.yaml", *options, "--ckpt_path", "last"]


def run_on_two_ranks(commands, folder):
    (folder / "commands.json").write_text(json.dumps(commands))
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", __file__]
    with (folder / "log").open("w") as log:
        ranks = subprocess.Popen(
            [*start, "commands.json"], cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
        try:
            status = ranks.wait(timeout=240)
        except subprocess.TimeoutExpired:  # ranks wait for each other
            os.killpg(ranks.pid, signal.SIGKILL)  # the whole group: no rank ends by itself
            ranks.wait()
            raise
    assert status == 0, (folder / "log").read_text("utf8")[-4000:]


class OnCpu(DeepSpeedStrategy):
    """Lightning's strategy without its checks for GPUs: DeepSpeed itself runs on a CPU too."""

    @property
    def root_device(self):
        return device("cpu", self.local_rank)

    def setup_environment(self):
        DDPStrategy.setup_environment(self)

    def setup_distributed(self):
        reset_seed()
        self.set_world_ranks()
        self._init_deepspeed_distributed()


def fail_unless_group_destroyed():
    """Called after the commands' own exit handlers."""
    if distributed.is_initialized():
        print("the process group was not destroyed: its threads may abort the process", flush=True)
        os._exit(3)


if __name__ == "__main__":
    atexit.register(fail_unless_group_destroyed)
    for arguments in json.loads(Path(sys.argv[1]).read_text("utf8")):
        sys.argv[1:] = arguments
        main()
