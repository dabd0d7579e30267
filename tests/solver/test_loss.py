import torch

from lightning_ouro.solver.loss import ConfidenceWeightedLoss

CHANCE = [0.25, 0.25, 0.0, 0.0]


def random_step(seed, size=4):
    """Losses and confidences of a step."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(size, generator=generator) * 3, torch.rand(size, generator=generator)


def test_each_step_is_normalised_by_the_mean_weight_of_the_step_before():
    loss = ConfidenceWeightedLoss("frontier")
    losses, confidence = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0.25, 0.625, 0.5, 1.0])
    weights = torch.tensor([0.1, 1.0, 1.0, 0.1])  # skills 0, 1/2, 1/2, 1
    expected = (weights * losses).sum() / 4
    torch.testing.assert_close(loss(losses, confidence, CHANCE), expected)  # the first step: not normalised
    loss.end_step()
    torch.testing.assert_close(loss(losses, confidence, CHANCE), expected / weights.mean())


def test_the_mean_over_micro_batches_is_the_loss_of_the_whole_step():
    """Lightning divides each micro-batch's loss by their number."""
    whole, parts = ConfidenceWeightedLoss("focal"), ConfidenceWeightedLoss("focal")
    for seed in range(3):
        losses, confidence = random_step(seed)
        split = [parts(losses[i : i + 2], confidence[i : i + 2], CHANCE[i : i + 2]) for i in (0, 2)]
        torch.testing.assert_close(whole(losses, confidence, CHANCE), sum(split) / 2)
        whole.end_step()
        parts.end_step()
        torch.testing.assert_close(whole.previous_mean, parts.previous_mean)


def test_uniform_weights_give_the_plain_mean_in_every_step():
    loss = ConfidenceWeightedLoss("uniform")
    for seed in range(3):
        losses, confidence = random_step(seed)
        torch.testing.assert_close(loss(losses, confidence, CHANCE), losses.mean())
        loss.end_step()


def test_the_normaliser_is_part_of_the_checkpoint():
    loss, other = ConfidenceWeightedLoss("frontier"), ConfidenceWeightedLoss("frontier")
    loss(*random_step(0), CHANCE)
    loss.end_step()
    other.load_state_dict(loss.state_dict())
    assert other.previous_mean == loss.previous_mean != 1
