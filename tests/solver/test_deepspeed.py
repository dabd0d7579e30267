"""The loop under DeepSpeed's ZeRO stage 2 on two ranks, against DDP; over gloo, on the CPU."""

import pytest
import torch

from ..small_run import lines
from .test_sharding import ALL, DDP, curve
from .two_ranks import CONFIGS, again, fit, run_on_two_ranks

pytest.importorskip("deepspeed", reason='DeepSpeed is not installed: pip install ".[deepspeed]"')
pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason="DeepSpeed would take the GPU; this is for the CPU"
)
WAYS = {"all": ALL, "lora": ["--model.lora.rank", "4", "--loop.proposals_per_scene", "12"]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All weights and LoRA under DDP and DeepSpeed; the latter stops behind the first round and goes on."""
    folder = tmp_path_factory.mktemp("deepspeed")
    config = (CONFIGS / "strategy" / "deepspeed.yaml").read_text("utf8")
    ours = config.replace("lightning.pytorch.strategies.DeepSpeedStrategy", "two_ranks.OnCpu")
    assert ours != config
    (folder / "deepspeed.yaml").write_text(ours)
    commands = []
    for way, options in WAYS.items():
        first = fit(f"deepspeed_{way}", "--config", "deepspeed.yaml", *options)
        commands += [fit(f"ddp_{way}", *DDP, *options), [*first, "--trainer.max_epochs", "1"]]
        commands += [again("fit", f"deepspeed_{way}", "--trainer.max_epochs", "2")]
    run_on_two_ranks([*commands, again("predict", "ddp_lora"), again("predict", "deepspeed_lora")], folder)
    return folder / "runs"


@pytest.mark.parametrize("way", WAYS)
def test_a_run_and_its_resume_train_as_ddp_does(runs, way):
    last = [
        runs / f"{name}_{way}" / "version_0" / "checkpoints" / "last.ckpt" for name in ("deepspeed", "ddp")
    ]
    mine = torch.load(last[0] / "checkpoint" / "mp_rank_00_model_states.pt", weights_only=False)["module"]
    theirs = torch.load(last[1], weights_only=True)["state_dict"]
    assert {
        name for name in mine.keys() - theirs.keys() if "lm_head" not in name
    } == set()  # tied, so saved twice
    for name, weight in theirs.items():
        assert (mine[name] - weight).norm() <= 1e-5 * weight.norm(), name
    for name in ("train/loss", "train/confidence", "val/loss"):
        assert curve(runs / f"deepspeed_{way}", name) == pytest.approx(
            curve(runs / f"ddp_{way}", name), abs=1e-4
        )


def test_replies_are_those_of_ddp(runs):
    mine, theirs = (
        lines(runs / f"{name}_lora" / "version_0" / "replies.jsonl") for name in ("deepspeed", "ddp")
    )
    assert len(mine) == 6 and mine == theirs
