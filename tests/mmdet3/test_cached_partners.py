"""Steps with a cache: what is mixed in has come before in the epoch, as it was there, however the epoch is loaded."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from support.coco_lakes import CocoPair
from support.random_pipelines3 import RECIPES
from support.require import require

require("mmdet3")

from mmdet.datasets import transforms  # noqa: E402
from mmdet.structures.bbox import HorizontalBoxes  # noqa: E402

from penstock.detection.reference import partner_indices  # noqa: E402
from penstock.integrations.mmdet3 import build_dataloader, building  # noqa: E402
from penstock.loading.draws import Stream  # noqa: E402
from support.oracle3 import lowered, make_sample3  # noqa: E402

LOAD = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations", "with_bbox": True}]
CACHES = 4
SEED = 11
MIX_UP = {
    "type": "CachedMixUp", "img_scale": (64, 64), "ratio_range": (1.0, 1.0), "flip_ratio": 1.0, "prob": 1.0,
    "pad_val": (114, 114, 114), "max_cached_images": CACHES, "random_pop": False, "max_iters": 1,
}
SHUFFLED = {"type": "DefaultSampler", "shuffle": True}


def loader_of(
    pair: CocoPair,
    pipeline: list[dict[str, Any]],
    loader_type: str = "c++",
    *,
    batch_size: int = 3,
    sampler: dict[str, Any] | None = None,
    **keys: Any,
) -> Any:
    dataset = {
        "type": "DeepLakeDetDataset",
        "deeplake_path": str(pair.lake),
        "deeplake_dataloader_type": loader_type,
        "pipeline": pipeline,
        "filter_cfg": {"filter_empty_gt": True},
        **keys,
    }
    return build_dataloader({"dataset": dataset, "batch_size": batch_size, "sampler": sampler or SHUFFLED}, seed=SEED)


def samples_of(batches: Any) -> list[tuple[int, torch.Tensor, torch.Tensor]]:
    """Number, image and boxes of each sample, as they come."""
    return [
        (sample.img_id, image, sample.gt_instances.bboxes.tensor)
        for batch in batches
        for image, sample in zip(batch["inputs"], batch["data_samples"], strict=True)
    ]


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_images_are_those_of_their_own_places(awkward: CocoPair, loader_type: str) -> None:
    """A mean with one of the last images, flipped and distorted as that one is in this epoch."""
    steps = [
        *LOAD,
        {"type": "Resize", "scale": (64, 64), "keep_ratio": False},
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "YOLOXHSVRandomAug"},
    ]
    pack = {"type": "PackDetInputs"}
    with loader_of(awkward, [*steps, pack], loader_type) as plain:
        before = samples_of(plain)
    assert len({number for number, *_ in before}) == len(before) > 2 * CACHES
    ages: Counter[int] = Counter()
    with loader_of(awkward, [*steps, MIX_UP, pack], loader_type) as loader:
        mixed = samples_of(loader)
    for place, (number, image, _) in enumerate(mixed):
        assert before[place][0] == number
        own = before[place][1].int()
        means = [((own + before[place - age][1].int()) // 2).byte() for age in range(len(before))]
        # Age 0 is the image itself, where the other one has no boxes: it is not mixed in.
        (age,) = (age for age, mean in enumerate(means) if torch.equal(mean, image))
        ages[age] += 1
    assert set(ages) <= set(range(CACHES)) and len(ages) > 1


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("name", ["rtmdet", "crops that reject what is mixed in"])
def test_a_sample_depends_on_neither_batches_nor_ranks(
    awkward: CocoPair, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = RECIPES[name]

    def by_number(samples: Any) -> dict[int, Any]:
        return {number: rest for number, *rest in samples}

    def assert_same(samples: dict[int, Any], expected: dict[int, Any]) -> None:
        for number, (image, boxes) in samples.items():
            assert torch.equal(image, expected[number][0]) and torch.equal(boxes, expected[number][1])

    with loader_of(awkward, pipeline) as loader:
        expected = samples_of(loader)
        # An image of a rejected one's place may come a second time.
        unique = {number: count for number, count in Counter(number for number, *_ in expected).items() if count == 1}
        state_after = 2
    known = {number: rest for number, rest in by_number(expected).items() if number in unique}
    with loader_of(awkward, pipeline, batch_size=1) as loader:
        again = samples_of(loader)
    assert [number for number, *_ in again] == [number for number, *_ in expected]
    assert_same({number: rest for number, rest in by_number(again).items() if number in unique}, known)
    with loader_of(awkward, pipeline) as loader:
        batches = iter(loader)
        for _ in range(state_after):
            next(batches)
        state = loader.state_dict()
        del batches
    with loader_of(awkward, pipeline) as loader:
        loader.load_state_dict(state)
        rest = samples_of(loader)
    assert len(rest) == len(expected) - 3 * state_after
    for (number, *sample), (other, *same) in zip(rest, expected[3 * state_after :], strict=True):
        assert number == other and all(map(torch.equal, sample, same))
    shares = []
    for rank in range(2):
        monkeypatch.setattr(building, "world", lambda *_, rank=rank: (rank, 2))
        with loader_of(awkward, pipeline, batch_size=2) as loader:
            shares.append(samples_of(loader))
    together = [sample for pair in zip(*shares, strict=True) for sample in pair][: len(expected)]
    for (number, *sample), (other, *same) in zip(together, expected, strict=True):
        assert number == other and all(map(torch.equal, sample, same))


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("epoch", [0, 3])
@pytest.mark.parametrize(
    ("sampler", "keys"),
    [
        (SHUFFLED, {}),
        ({"type": "DefaultSampler", "shuffle": False}, {}),
        ({"type": "InfiniteSampler", "shuffle": True}, {}),
        (SHUFFLED, {"deeplake_dataloader": {"shuffle": "chunk", "shuffle_window": 2}}),
    ],
    ids=["shuffled", "in order", "endless", "chunks"],
)
def test_places_are_those_of_the_epochs_order(
    awkward: CocoPair, sampler: dict[str, Any], keys: dict[str, Any], epoch: int
) -> None:
    with loader_of(awkward, RECIPES["rtmdet"], sampler=sampler, batch_size=1, **keys) as loader:
        loader.sampler.set_epoch(epoch)
        items = loader.sampler.epoch_order(len(loader.items), SEED, epoch)
        assert loader.items.indices[items].tolist() == loader.sampler.order().tolist()
        places = loader._samples.program.native.epoch_order(SEED, epoch)
        assert places.tolist() == items.tolist()


def test_a_sampler_of_ones_own_leaves_the_order_to_us(awkward: CocoPair, native: Any) -> None:
    """The rule is the same by the order of penstock's own shuffle."""
    from mmdet.registry import DATA_SAMPLERS
    from torch.utils.data import Sampler

    @DATA_SAMPLERS.register_module(force=True)
    class Backwards(Sampler):  # type: ignore[type-arg]
        def __init__(self, dataset: Any, seed: int | None = None) -> None:
            self.dataset = dataset

        def __iter__(self) -> Any:
            return iter(range(len(self.dataset) - 1, -1, -1))

        def __len__(self) -> int:
            return len(self.dataset)

    found = []
    for loader_type in ("c++", "python"):
        with loader_of(awkward, RECIPES["rtmdet"], loader_type, sampler={"type": "Backwards"}) as loader:
            found.append(samples_of(loader))
    assert len(found[0]) == len(found[1]) > 3
    for (number, *sample), (other, *same) in zip(*found, strict=True):
        assert number == other and all(map(torch.equal, sample, same))


@pytest.mark.parametrize("random_pop", [False, True])
@pytest.mark.parametrize("kind", ["CachedMosaic", "CachedMixUp"])
def test_ages_are_distributed_as_in_mmdetections_cache(kind: str, random_pop: bool) -> None:
    """Its own transforms, over a long row of images, tell by labels which ones they have mixed."""
    size, samples = 5, 4000
    options: dict[str, Any] = {"max_cached_images": size, "random_pop": random_pop, "bbox_clip_border": False}
    if kind == "CachedMosaic":
        transform = transforms.CachedMosaic((8, 8), center_ratio_range=(1, 1), **options)
    else:
        transform = transforms.CachedMixUp((8, 8), ratio_range=(1.0, 1.0), pad_val=0, **options)
    state = np.random.get_state()
    np.random.seed(5)
    theirs: Counter[int] = Counter()
    try:
        for now in range(samples + 20 * size):
            results = {
                "img": np.zeros((8, 8, 3), np.uint8),
                "gt_bboxes": HorizontalBoxes(np.array([[1, 1, 5, 5]], np.float32)),
                "gt_bboxes_labels": np.array([now]),
                "gt_ignore_flags": np.array([False]),
            }
            labels = transform(results)["gt_bboxes_labels"].tolist()
            if now >= 20 * size:
                theirs.update(now - label for label in labels[1:])
    finally:
        np.random.set_state(state)
    step = lowered(transform, make_sample3(0))
    ours: Counter[int] = Counter()
    for index in range(samples):
        ours.update(partner_indices(step, Stream(3, 0, index).step(2), 9, lambda age: 1, lambda age: age))
    assert ours.total() == theirs.total()
    for age in range(max(*ours, *theirs) + 1):
        # Three of one cache are not independent.
        deviation = (4 * max(ours[age] + theirs[age], 1)) ** 0.5
        assert abs(ours[age] - theirs[age]) <= 5 * deviation, age
