import pytest

from lightning_ouro.scenes.naming import is_any_kind, is_kind_of


@pytest.mark.parametrize(
    ("category", "general"),
    [
        ("coffee table", "table"),
        ("old tv", "tv"),  # shorter than what may end a longer word
        ("bookshelf", "shelf"),
        ("Kitchen Cabinets", "cabinet"),
        ("cabinets", "cabinet"),
        ("tv-stand", "tv stand"),
        ("night stand", "nightstand"),
        ("shelves", "shelf"),
        ("bookshelves", "shelf"),
        ("box of tissues", "box"),
        ("chair (broken)", "chair"),
        ("old keyboard", "keyboard"),
        ("wine glasses", "glass"),
        ("tooth brushes", "toothbrush"),
        ("pantries", "pantry"),
    ],
)
def test_what_ends_with_another_name_is_a_kind_of_it(category, general):
    assert is_kind_of(category, general)


@pytest.mark.parametrize(
    ("category", "general"),
    [
        ("table", "table"),
        ("table", "coffee table"),
        ("tv stand", "tv"),
        ("table lamp", "table"),
        ("keyboard", "board"),
        ("kitchen cupboard", "board"),
        ("dishwasher", "washer"),
        ("glass", "glas"),
        ("hd", "d"),
        ("box of books", "book"),
        ("bus", "bu"),
        ("chair", "armchair"),
        ("---", "table"),
        ("table", "---"),
        ("", "table"),
    ],
)
def test_what_begins_with_a_name_or_ends_with_its_letters_by_chance_is_not(category, general):
    assert not is_kind_of(category, general)


def test_a_category_can_be_called_by_its_own_name_or_a_more_general_one():
    names = frozenset({"door", "remote control"})
    assert is_any_kind("door", names) and is_any_kind("sliding door", names)
    assert not is_any_kind("door handle", names) and not is_any_kind("remote", names)
