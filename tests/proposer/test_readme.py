"""The README of the proposers against what is there; `test_all_proposers.py` runs its example."""

import re
from pathlib import Path

import pytest
import yaml

from lightning_ouro.proposer import all_proposers, endpoint, endpoint_requests
from lightning_ouro.proposer.prompt import MENTIONS

README = Path(all_proposers.__file__).with_name("README.md")
TEXT = README.read_text("utf8")


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT))))
def test_every_link_leads_to_a_file(target):
    assert (README.parent / target).is_file()


def test_every_proposer_is_described():
    assert all(f"| `{name}` |" in TEXT for name in all_proposers.__all__)


def test_the_configs_can_be_instantiated():
    for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL):
        proposer = yaml.safe_load(block)["loop"]["proposer"]
        options = dict(proposer["init_args"])
        if "writer" in options:
            options["writer"] = all_proposers.ModelProposer(**options["writer"])
        getattr(all_proposers, proposer["class_path"])(**options)


def test_numbers_in_the_text_are_those_of_the_code():
    assert f"about {MENTIONS} mentions" in TEXT
    assert endpoint.CHARACTERS_PER_TOKEN == 3 and "three characters per token" in TEXT
    assert endpoint_requests.ENOUGH_FAILURES == 3 and "three failures in a row" in TEXT
    client = pytest.importorskip("lightning_ouro.proposer.endpoint_client", exc_type=ImportError)
    assert f"after {client.FIRST_PAUSE}, 1, 2" in TEXT
