"""Names of files survive options, records and configs, held against PyYAML and OmegaConf themselves."""

import pytest
import yaml
from jsonargparse import ArgumentParser
from omegaconf import OmegaConf

from lightning_ouro import config_yaml
from lightning_ouro.commands import function_command

NAMES = [
    "#1",
    "695e0514",
    "1e5",
    "007",
    "0x1f",
    "1_000",
    "1:30",
    "true",
    "no",
    "[a",
    "a,b",
    "a: b",
    "{x}",
    "&a",
]
NAMES += [
    "*a",
    "!x",
    "%x",
    "@x",
    "`x",
    "nan",
    ".inf",
    "-.5",
    "2020-01-01",
    "'q'",
    '"q"',
    " a ",
    "a #b",
    "é",
    "=",
    "<<",
]
NAMES += ["caf\udce9", "\udce9\\udce9", "\U0010dce9"[:0] + "a\\b"]


class Owner:
    def __init__(
        self, plain: str = "", optional: str | None = None, several: list[str] | None = None
    ) -> None:
        pass


@pytest.fixture
def parser():
    config_yaml.install()
    parser = ArgumentParser(parser_mode=config_yaml.MODE, exit_on_error=False)
    parser.add_argument("--config", action="config")
    parser.add_class_arguments(Owner, "own")
    return parser


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_through_options_and_records(parser, tmp_path, name):
    listed = config_yaml.as_json_list([name, "b"])
    parsed = parser.parse_args([f"--own.plain={name}", f"--own.optional={name}", f"--own.several={listed}"])
    assert (parsed.own.plain, parsed.own.optional, parsed.own.several) == (name, name, [name, "b"])
    (tmp_path / "record.yaml").write_text(parser.dump(parsed), "utf8")
    again = parser.parse_args(["--config", str(tmp_path / "record.yaml")])
    assert again.own == parsed.own


@pytest.mark.parametrize("name", [name for name in NAMES if name.isascii()])
def test_what_is_written_is_read_by_both_readers_of_yaml(name):
    text = config_yaml.dump({"a": name, "b": [name]})
    assert yaml.safe_load(text) == OmegaConf.to_object(OmegaConf.create(text)) == {"a": name, "b": [name]}


def test_numbers_are_written_as_numbers():
    values = {"a": 1, "b": 2.5, "c": 1e-5, "d": True, "e": None, "f": [1, "1"]}
    assert yaml.safe_load(config_yaml.dump(values)) == values


@pytest.mark.parametrize("word", ["null", "Null", "~"])
def test_null_is_still_no_value(parser, word):
    assert parser.parse_args([f"--own.optional={word}"]).own.optional is None


def test_an_empty_value_is_not_taken_for_none(parser):
    assert parser.parse_args(["--own.optional="]).own.optional == ""


def test_options_refer_to_each_other_as_ever(parser, tmp_path):
    (tmp_path / "c.yaml").write_text("own:\n  plain: x\n  several: ['${own.plain}', \"caf\\uDCE9\"]\n")
    assert parser.parse_args(["--config", str(tmp_path / "c.yaml")]).own.several == ["x", "caf\udce9"]


@pytest.mark.parametrize("name", ["#1", "1e5", "null ", "caf\udce9", ""])
def test_commands_that_are_functions_take_names_as_they_are(name):
    seen = []

    def command(id: str | None = None) -> None:
        seen.append(id)

    function_command.run(command, [f"--id={name}"])
    assert seen == [None if name.strip() == "null" else name]
