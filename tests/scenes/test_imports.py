"""What importing the package's scene modules does, each in a fresh interpreter."""

import subprocess
import sys
from pathlib import Path

import pytest

import lightning_ouro.scenes

SCENES = Path(lightning_ouro.scenes.__file__).parent
MODULES = [".".join(path.relative_to(SCENES).with_suffix("").parts) for path in SCENES.rglob("*.py")]
IMPORT_EACH_FIRST = f"""
import importlib, sys
for name in {MODULES}:
    for loaded in [loaded for loaded in sys.modules if loaded.startswith("lightning_ouro")]:
        del sys.modules[loaded]
    importlib.import_module("lightning_ouro.scenes." + name)
"""
IMPORT_ALONE = """
import sys
import {module}
heavy = {{"torch", "transformers", "lightning", "peft"}} & sys.modules.keys()
assert not heavy, heavy
"""


def run(program):
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_every_module_can_be_imported_first():
    """As in a process that receives a pickled scene: it imports whatever the scene's parts are made of."""
    run(IMPORT_EACH_FIRST)


@pytest.mark.parametrize(
    "module",
    [
        "lightning_ouro.commands.prepare",
        "lightning_ouro.commands.show",
        "lightning_ouro.scenes.reading",
        "lightning_ouro.scenes.splits",
        "lightning_ouro.scenes.readers.all_readers",
        "lightning_ouro.scenes.readers.meta_info",
    ],
)
def test_finding_and_reading_scenes_imports_no_heavy_library(module):
    run(IMPORT_ALONE.format(module=module))
