from lightning_ouro.bootstrap.cells import CATEGORIES
from lightning_ouro.bootstrap.layouts import layout


def test_a_layout_of_few_categories_is_a_part_of_the_complete_one():
    part = layout(5, 4)
    assert len(part.counts) == 4 and [item.id for item in part.objects] == list(range(len(part.objects)))
    assert sum(part.counts.values()) == len(part.objects) < len(layout(5).objects)


def test_layouts_have_invented_names_and_up_to_four_rooms():
    layouts = [layout(index) for index in range(60)]
    assert not any(set(scene.counts) & set(CATEGORIES) for scene in layouts)
    sizes = [len(scene.objects) for scene in layouts]
    assert min(sizes) < 16 < 30 < max(sizes)
