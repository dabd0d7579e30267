import numpy as np

from lightning_ouro.bootstrap.names import invented_name
from lightning_ouro.proposer.described_categories import is_plain


def test_invented_names_may_appear_in_a_prompt():
    assert all(is_plain(invented_name(np.random.default_rng(seed))) for seed in range(300))
