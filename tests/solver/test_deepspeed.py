"""The loop under DeepSpeed's ZeRO stage 2, against DDP: two ranks over gloo, on the CPU."""

import pytest
import torch

from ..small_run import lines
from .test_sharding import ALL, DDP, curve
from .two_ranks import CONFIGS, again, fit, run_on_two_ranks

pytest.importorskip("deepspeed", reason='DeepSpeed is not installed: pip install ".[deepspeed]"')
pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason="DeepSpeed would use the GPU; these tests are for the CPU"
)
TRAINED = {"all": ALL, "lora": ["--model.lora.rank", "4", "--loop.proposals_per_scene", "12"]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All weights and LoRA under DDP and DeepSpeed; the latter stops after the first round and resumes."""
    folder = tmp_path_factory.mktemp("deepspeed")
    config = (CONFIGS / "strategy" / "deepspeed.yaml").read_text("utf8")
    on_cpu = config.replace("lightning.pytorch.strategies.DeepSpeedStrategy", "two_ranks.OnCpu")
    assert on_cpu != config
    (folder / "deepspeed.yaml").write_text(on_cpu)
    commands = []
    for trained, options in TRAINED.items():
        first = fit(f"deepspeed_{trained}", "--config", "deepspeed.yaml", *options)
        commands += [fit(f"ddp_{trained}", *DDP, *options), [*first, "--trainer.max_epochs", "1"]]
        commands += [again("fit", f"deepspeed_{trained}", "--trainer.max_epochs", "2")]
    run_on_two_ranks([*commands, again("predict", "ddp_lora"), again("predict", "deepspeed_lora")], folder)
    return folder / "runs"


@pytest.mark.parametrize("trained", TRAINED)
def test_a_run_and_its_resume_train_as_ddp_does(runs, trained):
    last = [
        runs / f"{name}_{trained}" / "version_0" / "checkpoints" / "last.ckpt"
        for name in ("deepspeed", "ddp")
    ]
    weights = torch.load(last[0] / "checkpoint" / "mp_rank_00_model_states.pt", weights_only=False)["module"]
    expected = torch.load(last[1], weights_only=True)["state_dict"]
    # The LM head is tied to the embeddings, so DeepSpeed saves it twice.
    assert {name for name in weights.keys() - expected.keys() if "lm_head" not in name} == set()
    for name, weight in expected.items():
        assert (weights[name] - weight).norm() <= 1e-5 * weight.norm(), name
    for name in ("train/loss", "train/confidence", "val/loss"):
        assert curve(runs / f"deepspeed_{trained}", name) == pytest.approx(
            curve(runs / f"ddp_{trained}", name), abs=1e-4
        )


def test_replies_equal_those_under_ddp(runs):
    replies, expected = (
        lines(runs / f"{name}_lora" / "version_0" / "replies.jsonl") for name in ("deepspeed", "ddp")
    )
    assert len(replies) > 36 and replies == expected
