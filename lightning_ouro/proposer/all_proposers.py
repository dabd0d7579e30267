"""Every proposer that ships with the package: the one place where a new one is registered.

A class that is imported here can be named without its module, on the command line and in a config:
`--loop.proposer GrammarProposer`. A class of your own works without registration, by its full path:
`--loop.proposer my_package.my_module.MyProposer`.
"""

from lightning_ouro.proposer.endpoint import EndpointProposer
from lightning_ouro.proposer.frozen_copy import FrozenCopyProposer
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.model import ModelProposer

__all__ = ["EndpointProposer", "FrozenCopyProposer", "GrammarProposer", "ModelProposer"]
