"""What jsonargparse takes for YAML and what it writes as YAML, where names of files are concerned.

An option's value is YAML, in which `#1` is a comment, and a value that it reads as none is no value: for an optional
option `--ckpt_path #1` or `--ckpt_path ""` would be as if nothing had been asked for. What is written is read again by
OmegaConf, for which `695e0514` is a number, though PyYAML writes it as it stands (yaml/pyyaml#417).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import yaml
from jsonargparse import get_loader, set_dumper, set_loader

MODE = "omegaconf"  # the parsers' mode in which `${...}` refers to other options
ERRORS = (yaml.YAMLError, UnicodeError)
NOTHING = ("null", "Null", "NULL", "~")
# A byte of a file's name that is no UTF-8 is half a surrogate pair in Python and written as \udce9, which PyYAML's
# loader in C refuses. While it loads, a character for private use stands in, 0x100000 above.
STANDS_FOR_HALF = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][c-fC-F][0-9a-fA-F]{2})")
STAND_IN = re.compile("[\U0010dc00-\U0010dfff]")
SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")  # YAML 1.1: 1:30 is 90


def install() -> None:
    """Makes jsonargparse read and write values so; further calls change nothing."""
    install_for_functions()
    set_loader(MODE, _with_references(get_loader("yaml")), ERRORS)
    set_dumper(MODE, dump)


def install_for_functions() -> None:
    """The same for the parsers of commands that are functions, whose options refer to nothing."""
    loader = get_loader("yaml")
    if not hasattr(loader, "is_careful"):
        set_loader("yaml", _careful(loader), ERRORS)


def _with_references(load_plain: Callable[[str], Any]) -> Callable[[str], Any]:
    """Loads lists and mappings as OmegaConf does, everything else plainly (as jsonargparse's own loader)."""

    def load(value: str) -> Any:
        plain = load_plain(value)
        if not isinstance(plain, dict | list) or _texts(value) is not None:
            return plain
        from omegaconf import OmegaConf  # late: commands that are functions do without it

        stood_in = STANDS_FOR_HALF.sub(_stand_in, value)
        return _with_halves(OmegaConf.to_object(OmegaConf.load(io.StringIO(stood_in))))

    return load


def dump(data: Any) -> str:
    """YAML in which every text is read as the text that it is, by YAML 1.1 and 1.2."""
    return yaml.dump(data, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False)


def as_json_list(values: list[str]) -> str:
    """A list of texts as an option's value that nothing in it changes the meaning of."""
    return json.dumps(values)


def _careful(load: Callable[[str], Any]) -> Callable[[str], Any]:
    def load_carefully(value: str) -> Any:
        listed = _texts(value)
        if listed is not None:
            return listed
        loaded = _with_halves(load(STANDS_FOR_HALF.sub(_stand_in, value)))
        return value if loaded is None and "\n" not in value and value.strip() not in NOTHING else loaded

    load_carefully.is_careful = True  # type: ignore[attr-defined]
    return load_carefully


def _texts(value: str) -> list[str] | None:
    """The texts of `as_json_list`; None for everything else."""
    if not value.startswith('["'):
        return None
    try:
        listed = json.loads(value)
    except ValueError:
        return None
    return listed if isinstance(listed, list) and all(isinstance(item, str) for item in listed) else None


def _stand_in(escape: re.Match[str]) -> str:
    return f"{escape[1]}\\U0010{escape[2]}"


def _with_halves(loaded: Any) -> Any:
    """What was loaded, with each stand-in replaced by what it stands for."""
    if isinstance(loaded, str):
        return STAND_IN.sub(lambda found: chr(ord(found[0]) - 0x100000), loaded)
    if isinstance(loaded, dict):
        return {_with_halves(key): _with_halves(item) for key, item in loaded.items()}
    return [_with_halves(item) for item in loaded] if isinstance(loaded, list) else loaded


class _Dumper(yaml.SafeDumper):
    """Quotes texts that some reader takes for numbers."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if _is_number(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_number(text: str) -> bool:
    try:
        float(text.replace("_", ""))
    except ValueError:
        return SEXAGESIMAL.fullmatch(text) is not None
    return True


_Dumper.add_representer(str, _represent_text)
