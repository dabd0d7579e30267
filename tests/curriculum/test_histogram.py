import numpy as np

from lightning_ouro.curriculum.histogram import OVERALL, SkillHistogram


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
