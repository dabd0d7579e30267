import json
import sys

from lightning_ouro.atomic_files import to_jsonl
from lightning_ouro.plain_text import folded, lower_case, printable


def test_white_space_of_every_kind_becomes_one_space():
    separators = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]
    assert {"\u3000", "\x1c", "\x0b", "\u2028", "\u00a0"} <= set(separators)
    assert folded(f"{separators[0]}a{''.join(separators)}b{separators[-1]}") == "a b"
    assert folded("a\u200bb") == "a\u200bb", "what takes no space is no space"


def test_what_is_printed_has_one_line_and_no_control_characters():
    assert printable(" a\r\nb\x1b[31m\u202ec\ud800 é椅 ") == "a b?[31m?c? é椅"


def test_no_other_character_becomes_an_ascii_letter():
    for code in range(sys.maxunicode + 1):
        lower = lower_case(chr(code))
        assert any(map(str.isascii, lower)) == (code < 128), hex(code)
    taken_for_ascii_by_casefold = ("\u017f", "\u212a", "\u0130", "ß", "ﬁ")
    assert [lower_case(letter) for letter in taken_for_ascii_by_casefold] == [*taken_for_ascii_by_casefold]


def test_case_does_not_matter_in_any_script():
    assert (
        lower_case("STÜHLE, СТОЛ, ΛΑΜΠΑ, TV")
        == lower_case("stühle, стол, λαμπα, tv")
        == "stühle, стол, λαμπα, tv"
    )


def test_half_a_surrogate_pair_is_written_and_read_back():
    rows = [{"text": "a\ud800b", "é": "\udfff"}]
    assert [json.loads(line) for line in to_jsonl(rows).decode("utf8").splitlines()] == rows
