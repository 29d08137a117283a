"""Which samples a sample is made of, and how the parts of a sample are numbered."""

from __future__ import annotations

import pytest

from penstock.detection import steps as st
from penstock.detection.recipe import Level, Recipe, mixes_in_python, parts_of
from penstock.detection.running import _Parts
from penstock.loading.draws import Stream

LOAD = st.LoadImage()
FLIP = st.RandomFlip(("horizontal",), (0.5, 0.5))


def levels(*steps: object) -> list[tuple[object, int]]:
    return [(level.key, level.begin) for level in Recipe.of_one_dataset(steps).levels]


def test_levels_begin_where_the_first_step_mixes() -> None:
    assert levels(LOAD, FLIP) == []
    assert levels(LOAD, st.Mosaic(), FLIP, st.MixUp()) == [(1, 1)]


def test_a_step_with_a_cache_has_a_level_of_its_own() -> None:
    steps = (LOAD, st.Mosaic(cached=True), FLIP, st.MixUp(cached=True))
    assert levels(*steps) == [(1, 1), (3, 3)]
    recipe = Recipe.of_one_dataset(steps)
    assert recipe.partner_steps == (0, 1, 0, 3)


@pytest.mark.parametrize(
    ("steps", "parts"),
    [
        ((LOAD, FLIP), 0),
        ((LOAD, st.Mosaic(), st.MixUp()), 4),
        # Of MixUp's partner three more.
        ((LOAD, st.Mosaic(cached=True), st.MixUp(cached=True)), 7),
        ((LOAD, st.Mosaic(cached=True), st.Mosaic(cached=True)), 3 + 3 * 4),
    ],
)
def test_parts_of_parts_are_counted(steps: tuple[object, ...], parts: int) -> None:
    recipe = Recipe.of_one_dataset(steps)
    assert parts_of(recipe, len(steps)) == parts


def test_what_is_mixed_into_a_part_has_the_numbers_after_its_own() -> None:
    sample = _Parts(Stream(1, 2, 3), 0)
    first = sample.take(3).retried(0)
    second = sample.take(0).retried(0)
    inner = first.take(0).retried(0)
    numbers = {1: first, 5: second, 2: inner}
    for number, part in numbers.items():
        assert part.stream.step(0).random() == Stream(1, 2, 3, part=number).step(0).random()


def test_rejections_of_the_parts_around_one_change_its_numbers_too() -> None:
    sample = _Parts(Stream(1, 2, 3), 0)
    around = sample.take(3).retried(2)
    inner = around.take(0).retried(1)
    assert inner.stream.step(0).random() == Stream(1, 2, 3, part=2 + 3 * 256).step(0).random()


def test_a_transform_with_a_cache_of_its_own_asks_for_no_partners() -> None:
    class Mixing:
        def get_indexes(self, dataset: object) -> list[int]:
            return [0]

        def __call__(self, results: dict[str, object]) -> dict[str, object]:
            return results

    class Cached(Mixing):
        def __init__(self) -> None:
            self.results_cache: list[object] = []

    assert mixes_in_python(st.PythonStep(Mixing(), "its own"))
    assert not mixes_in_python(st.PythonStep(Cached(), "its own"))


def test_a_step_belongs_to_the_last_level_before_it() -> None:
    recipe = Recipe((LOAD, st.Mosaic(), FLIP, st.MixUp()), (Level("a", 1), Level("b", 3)))
    assert [recipe.level(number).key for number in (1, 2, 3)] == ["a", "a", "b"]
