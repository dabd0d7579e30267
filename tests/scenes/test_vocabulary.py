import json
import sys
import unicodedata

import pytest

from lightning_ouro.programs.answers import is_readable
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.scenes.synthetic.furniture import FURNITURE, LOOKS
from lightning_ouro.scenes.vocabulary import MAX_LENGTH, category_of, is_form_word

# All categories of VSI-Bench's ScanNet scenes (vision-x-nyu/thinking-in-space @51e089c,
# data/meta_info/scannet_meta_info_val.json).
SCANNET = """
chair,table,door,trash bin,window,pillow,monitor,backpack,bed,printer,lamp,mirror,sofa,bookshelf,towel,refrigerator,tv,
counter,radiator,nightstand,plant,telephone,keyboard,microwave,clock,closet,fan,washing machine,oven,mattress,
computer mouse,guitar,piano
"""
# The most frequent categories of VSI-Bench's ScanNet++ scenes (scannetpp_meta_info_val.json there), and other labels of
# ScanNet++.
SCANNETPP = """
chair,ceiling light,table,door,monitor,computer tower,keyboard,heater,whiteboard,computer mouse,trash can,plant,
telephone,pillow,cup,shoes,cabinet,shelf,box,bottle,window,curtain,blinds,towel,sink,book,backpack,bag,jacket,
paper towel,socket,light switch,plant pot,office chair,ceiling lamp,mouse,fume hood,windowsill,door frame,TV screen
"""
# The 17 labels of ARKitScenes' boxes.
ARKITSCENES = """
cabinet,refrigerator,shelf,stove,bed,sink,washer,toilet,bathtub,oven,dishwasher,fireplace,stool,chair,table,tv_monitor,
sofa
"""
LISTED = sorted({name.strip() for names in (SCANNET, SCANNETPP, ARKITSCENES) for name in names.split(",")})
# Names of the same category in different data sets.
GROUPS = [
    ["trash can", "trash bin", "garbagebin", "recycling bin", "Trash Can", "trash_can"],
    ["sofa", "couch", "Sofa"],
    ["tv", "tv_monitor", "tv monitor", "TV"],
    ["refrigerator", "refridgerator"],
    ["washer", "washing machine"],
    ["heater", "radiator"],
    ["ceiling light", "ceiling lamp"],
    ["shower curtain", "showercurtrain", "shower-curtain"],
    ["table", "desk"],
    ["chair", "office chair"],
    ["computer mouse", "mouse"],
]
UNIFIED = {name for group in GROUPS for name in group}
WORDS = [
    *LISTED,
    *UNIFIED,
    *FURNITURE,
    *LOOKS,
    "child's bed",
    "men’s shoes",
    "椅子",
    "chair 2",
    "stool/chair",
]
NO_OBJECTS = ["wall", "Floor", "ceiling", "REMOVE", "SPLIT", "undefined", "object", "unknown"]
NO_OBJECTS += ["otherfurniture", "misc"]


def test_listed_categories_are_unchanged_or_unified():
    for name in LISTED:
        assert category_of(name) == name.lower().replace("_", " ") or name in UNIFIED, name


@pytest.mark.parametrize("names", GROUPS, ids=[names[0] for names in GROUPS])
def test_synonyms_have_one_category(names):
    (category,) = {category_of(name) for name in names}
    assert category in names


def test_different_categories_stay_different():
    names = ("lamp", "ceiling light", "sofa", "sofa chair", "stool", "chair", "bed")
    different = {category_of(name) for name in names}
    assert len(different) == 7 and None not in different
    assert len({category_of(names[0]) for names in GROUPS}) == len(GROUPS)


@pytest.fixture(scope="module")
def real_names(shared_data):
    """All categories of VSI-Bench's ScanNet and ARKitScenes files."""
    names = set()
    for path in (shared_data / "scenes" / "vsi_bench_meta").glob("*_meta_info_val.json"):
        for record in json.loads(path.read_text()).values():
            names |= set(record["object_counts"]) | set(record["object_bbox"])
    return names


def test_categories_of_238_real_scenes_are_unchanged_or_unified(real_names):
    assert len(real_names) >= 40
    assert {name for name in real_names if category_of(name) != name} <= UNIFIED
    # Categories of one VSI-Bench file stay different; only names of different data sets are unified.
    assert len({category_of(name) for name in real_names}) == len(
        real_names - {"washing machine"} | {"washer"}
    )


def test_procedural_furniture_has_the_data_sets_names():
    for name in {*FURNITURE, *LOOKS}:
        assert category_of(name) is not None
    assert {name for name in FURNITURE if category_of(name) != name} <= UNIFIED


@pytest.mark.parametrize("label", NO_OBJECTS)
def test_labels_that_name_no_object_have_no_category(label):
    assert category_of(label) is None and category_of(f" {label.upper()} ") is None


@pytest.mark.parametrize(
    ("label", "category"),
    [
        ("Coffee_Table", "coffee table"),
        ("tv-stand", "tv stand"),
        ("stool/chair", "stool chair"),
        ("  dining \t table\n", "dining table"),
        ("child's bed", "child's bed"),
        ("men’s shoes", "men’s shoes"),
        ("ＬＡＭＰ", "lamp"),
        ("Stühle", "stühle"),
        ("椅子", "椅子"),
        ("стол", "стол"),
        ("straße", "strasse"),
        ("chair 2", "chair 2"),
    ],
)
def test_labels_are_normalized_to_plain_lower_case_words(label, category):
    assert category_of(label) == category


@pytest.mark.parametrize(
    "label",
    [
        *("", " ", "_", "-/-", "'", "’s"),
        *("<|im_end|>", "chair<|im_end|>", "<image>", "{object[0]}"),
        *("chair, table", "chair. How", "chair?", "chair|bed"),
        *("chair\x00", "chair\x07", "\x1b[31mchair", "a\u200bchair", "\u202echair", "chair\ufeff"),
        *("\ud800", "a\ud800b"),
        *("\U0001fa91", "chair\U0001fa91", "♥", "chair (2)", "50%", "a & b", "a+b", "a=b", "a:b"),
        *('a"b', "a\\b", "#1"),
        *("x" * (MAX_LENGTH + 1), "chair " * 20, "ﷺ" * 10, "x" * 1_000_000),
        *("e\u0301" * 5 + "\u0301", "i\u0307"),
    ],
)
def test_labels_that_are_not_plain_words_have_no_category(label):
    assert category_of(label) is None


@pytest.mark.parametrize(
    "name", ["camera", "left", "Closest Point", "nothing", "the", "right-side", "2", "centimeters"]
)
def test_words_of_the_forms_name_no_object(name):
    assert is_form_word(name)


def test_words_that_are_names_are_none_of_the_forms():
    assert not any(
        map(is_form_word, (*LISTED, *FURNITURE, "security camera", "left shoe", "chair 2", "", "椅子"))
    )


def samples():
    """Real labels, and labels with every character of the first planes and a sample of the higher ones."""
    yield from [*WORDS, *NO_OBJECTS]
    codes = [*range(0x3000), *range(0x3000, sys.maxunicode + 1, 37)]
    codes += [*range(0xF900, 0x10000), *range(0x1D400, 0x1D800)]
    for code in codes:
        yield from (chr(code), f"a{chr(code)}b", f"{chr(code)} {chr(code)}")


def test_categories_are_idempotent_and_readable():
    categories = 0
    for label in samples():
        category = category_of(label)
        if category is not None:
            assert category_of(category) == category, label
            assert is_readable(category, MAX_LENGTH), label
            assert unicodedata.is_normalized("NFKC", category) and category == category.casefold(), label
            categories += 1
    assert categories > 10_000


def test_every_question_form_reads_back_the_categories_written_into_it():
    categories = sorted({category_of(name) for name in WORDS} - {None})
    read = 0
    for family in FAMILIES.values():
        for form in family.forms:
            if form.words:
                continue
            for start in range(0, len(categories), 3):
                names = iter((categories * 3)[start:])
                roles = {role: tuple(next(names) for _ in range(size)) for role, size in form.sizes.items()}
                assert form.read(form.write(roles)) == roles, form.template
                read += 1
    assert read > 500
