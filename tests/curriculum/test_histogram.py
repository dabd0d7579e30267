import numpy as np
import torch

from lightning_ouro.curriculum.histogram import OVERALL, SkillHistogram, skill_histograms


def test_counts_are_numpys_histogram_by_family_and_overall():
    rng = np.random.default_rng(0)
    one, two = rng.uniform(size=500), np.array([0.0, 0.5, 1.0])
    metric = SkillHistogram(["one", "two"])
    metric.update("one", one[:100].tolist())
    metric.update("one", one[100:].tolist())
    metric.update("two", two.tolist())
    counts = metric.compute()
    edges = np.linspace(0, 1, 21)
    assert counts["one"].tolist() == np.histogram(one, edges)[0].tolist()
    assert counts["two"].tolist() == np.histogram(two, edges)[0].tolist()
    assert counts[OVERALL].tolist() == np.histogram(np.concatenate([one, two]), edges)[0].tolist()


def test_the_shares_of_all_ranks_add_up_to_the_pool(make_questions, ledger_with):
    questions = make_questions(5)
    ledger = ledger_with({q.id: 0.2 * i for i, q in enumerate(questions[:4])})
    parts = [
        skill_histograms(questions, ledger, ["object_counting"], r, 2, torch.device("cpu")) for r in range(2)
    ]
    whole = skill_histograms(questions, ledger, ["object_counting"], 0, 1, torch.device("cpu"))
    assert (parts[0][OVERALL] + parts[1][OVERALL]).tolist() == whole[OVERALL].tolist()
    assert whole[OVERALL].sum() == 4
