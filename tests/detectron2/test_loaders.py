"""Orders, groups, ranks and states of the loaders, and what they refuse."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from support.coco_lakes import CocoPair
from support.ranks import run_on_ranks
from support.require import require

require("detectron2")

from detectron2.data import (  # noqa: E402
    DatasetCatalog,
    DatasetMapper,
    build_detection_test_loader,
    get_detection_dataset_dicts,
)
from detectron2.data import transforms as T  # noqa: E402
from detectron2.data.samplers import (  # noqa: E402
    InferenceSampler,
    RandomSubsetTrainingSampler,
    RepeatFactorTrainingSampler,
    TrainingSampler,
)

from penstock.errors import ConfigError  # noqa: E402
from penstock.integrations import detectron2 as ours  # noqa: E402
from penstock.integrations.detectron2.images import Images  # noqa: E402
from penstock.integrations.detectron2.repeats import category_factors  # noqa: E402
from support.detectron2_data import assert_same_sample, config, registered  # noqa: E402


def numbers(batches: Any) -> list[list[int]]:
    return [[sample["image_id"] for sample in batch] for batch in batches]


def small(**settings: Any) -> Any:
    return config(
        **{
            "INPUT__MIN_SIZE_TRAIN": (48, 64), "INPUT__MAX_SIZE_TRAIN": 100, "INPUT__MIN_SIZE_TEST": 64,
            "INPUT__MAX_SIZE_TEST": 100, "SOLVER__IMS_PER_BATCH": 2, **settings,
        }
    )  # fmt: skip


@pytest.fixture
def boxes(coco_pair: Callable[[str], CocoPair]) -> Any:
    with registered(coco_pair("boxes")) as key:
        yield key


def test_an_epoch_has_the_images_that_detectron2_trains_on(boxes: str) -> None:
    for filtered in (True, False):
        cfg = small(train=[boxes], DATALOADER__FILTER_EMPTY_ANNOTATIONS=filtered)
        wanted = {record["image_id"] for record in get_detection_dataset_dicts([boxes], filter_empty=filtered)}
        with ours.build_train_loader(cfg) as loader:
            batches = numbers(itertools.islice(loader, len(loader)))
        assert {number for batch in batches for number in batch} == wanted
        assert all(len(batch) == 2 for batch in batches)


@pytest.mark.parametrize("grouping", [True, False])
def test_batches_of_one_group(boxes: str, grouping: bool) -> None:
    with ours.build_train_loader(small(train=[boxes], DATALOADER__ASPECT_RATIO_GROUPING=grouping)) as loader:
        batches = list(itertools.islice(loader, 3 * len(loader)))
    mixed = [len({sample["width"] > sample["height"] for sample in batch}) > 1 for batch in batches]
    assert any(mixed) == (not grouping)


def test_orders_follow_from_the_seed_and_differ_between_epochs(boxes: str) -> None:
    given = []
    for seed in (3, 3, 4):
        with ours.build_train_loader(small(train=[boxes], SEED=seed)) as loader:
            count = len(loader)
            given.append(numbers(itertools.islice(loader, 2 * count)))
    assert given[0] == given[1] != given[2]
    assert given[0][:count] != given[0][count:]


def test_the_images_of_dicts(boxes: str) -> None:
    records = get_detection_dataset_dicts([boxes])[2:7]
    mapper = DatasetMapper(small(), True)
    with ours.build_train_loader(dataset=records, mapper=mapper, total_batch_size=1) as loader:
        found = numbers(itertools.islice(loader, len(loader)))
    assert sorted(number for batch in found for number in batch) == sorted(record["image_id"] for record in records)
    records[0]["annotations"][0]["bbox"][0] += 1
    with pytest.raises(ConfigError, match="were changed, and are read from the dataset"):
        ours.build_train_loader(dataset=records, mapper=mapper, total_batch_size=1)
    with pytest.raises(ConfigError, match=r"no registered Deep Lake dataset has the file 'a\.jpg'"):
        ours.build_train_loader(dataset=[{"file_name": "a.jpg"}], mapper=mapper, total_batch_size=1)


def test_several_datasets(coco_pair: Callable[[str], CocoPair]) -> None:
    with registered(coco_pair("boxes")) as one, registered(coco_pair("polygons")) as two:
        cfg = small(train=[one, two])
        wanted = Counter(record["file_name"] for record in get_detection_dataset_dicts([one, two]))
        given = []
        for loader_type in ("c++", "python"):
            with ours.build_train_loader(cfg, loader_type=loader_type, aspect_ratio_grouping=False) as loader:
                given.append([sample for batch in itertools.islice(loader, len(loader)) for sample in batch])
        assert Counter(sample["file_name"] for sample in given[0]).keys() == wanted.keys()
        for first, second in zip(*given, strict=True):
            assert_same_sample(first, second)
    with (
        registered(coco_pair("boxes")) as one,
        registered(coco_pair("train")) as two,
        pytest.raises(ConfigError, match=r"the classes of .* are not those of"),
    ):
        ours.build_train_loader(small(train=[one, two]))


@pytest.mark.parametrize("square_root", [True, False])
def test_factors_by_category_are_detectron2_s(coco_pair: Callable[[str], CocoPair], square_root: bool) -> None:
    with registered(coco_pair("train")) as key:
        images = Images.of_names([key], filter_empty=True)
        records = get_detection_dataset_dicts([key])
    for threshold in (0.001, 0.1, 0.5):
        wanted = RepeatFactorTrainingSampler.repeat_factors_from_category_frequency(
            records, threshold, sqrt=square_root
        )
        np.testing.assert_array_equal(category_factors(images, threshold, square_root=square_root), wanted.numpy())


def test_images_come_as_often_as_their_factors_say(boxes: str) -> None:
    cfg = small(train=[boxes], SOLVER__IMS_PER_BATCH=1, DATALOADER__SAMPLER_TRAIN="RepeatFactorTrainingSampler")
    cfg.DATALOADER.REPEAT_THRESHOLD = 1.0
    records = get_detection_dataset_dicts([boxes])
    factors = RepeatFactorTrainingSampler.repeat_factors_from_category_frequency(records, 1.0)
    assert factors.max() > 1.1
    lengths = []
    counts: Counter[int] = Counter()
    with ours.build_train_loader(cfg) as loader:
        batches = iter(loader)
        for _ in range(30):
            lengths.append(len(loader))
            counts.update(number for batch in numbers(itertools.islice(batches, lengths[-1])) for number in batch)
    assert len(set(lengths)) > 1
    for record, factor in zip(records, factors.tolist(), strict=True):
        assert int(factor) * 30 <= counts[record["image_id"]] <= (int(factor) + 1) * 30
    assert sum(counts.values()) == pytest.approx(30 * float(factors.sum()), rel=0.1)


def test_datasets_that_are_repeated(coco_pair: Callable[[str], CocoPair]) -> None:
    with registered(coco_pair("boxes")) as one, registered(coco_pair("polygons")) as two:
        cfg = small(train=[one, two], SOLVER__IMS_PER_BATCH=1, DATALOADER__SAMPLER_TRAIN="WeightedTrainingSampler")
        cfg.DATASETS.TRAIN_REPEAT_FACTOR = [(two, 3.0)]
        with ours.build_train_loader(cfg) as loader:
            found = [sample for batch in itertools.islice(loader, len(loader)) for sample in batch]
        counts = Counter(sample["file_name"] for sample in found)
        assert {count for name, count in counts.items() if f"/{one}/" in name} == {1}
        assert {count for name, count in counts.items() if f"/{two}/" in name} == {3}
        cfg.DATASETS.TRAIN_REPEAT_FACTOR = [("none", 3.0)]
        with pytest.raises(ConfigError, match="there is no dataset 'none'"):
            ours.build_train_loader(cfg)


def test_detectron2_s_samplers(boxes: str) -> None:
    count = len(get_detection_dataset_dicts([boxes]))
    mapper = DatasetMapper(small(), True)

    def epoch_with(sampler: Any) -> list[int]:
        with ours.build_train_loader(
            dataset=boxes, mapper=mapper, sampler=sampler, total_batch_size=1, seed=1
        ) as loader:
            return [number for batch in numbers(itertools.islice(loader, len(loader))) for number in batch]

    assert len(epoch_with(TrainingSampler(count, seed=0))) == count
    assert len(epoch_with(RepeatFactorTrainingSampler(torch.full((count,), 2.0), seed=0))) == 2 * count
    subset = RandomSubsetTrainingSampler(count, 0.5, seed_shuffle=0, seed_subset=0)
    assert len(set(epoch_with(subset))) == count // 2
    with pytest.raises(ConfigError, match="made for another number of images"):
        epoch_with(RepeatFactorTrainingSampler(torch.ones(count + 1), seed=0))
    with pytest.raises(ConfigError, match="a sampler of the class InferenceSampler is not known"):
        epoch_with(InferenceSampler(count))


def test_a_subset_by_configuration(boxes: str) -> None:
    count = len(get_detection_dataset_dicts([boxes]))
    cfg = small(train=[boxes], DATALOADER__SAMPLER_TRAIN="RandomSubsetTrainingSampler", SOLVER__IMS_PER_BATCH=1)
    cfg.DATALOADER.RANDOM_SUBSET_RATIO = 0.5
    with ours.build_train_loader(cfg) as loader:
        batches = numbers(itertools.islice(loader, 2 * len(loader)))
        assert len(loader) == count // 2
    assert len({number for batch in batches for number in batch}) == count // 2


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_the_test_loader_gives_what_detectron2_s_gives(boxes: str, loader_type: str) -> None:
    cfg = small(test=[boxes])
    theirs = list(build_detection_test_loader(cfg, boxes))
    with ours.build_test_loader(cfg, boxes, loader_type=loader_type) as loader:
        own = list(loader)
        assert len(loader) == len(theirs)
        assert [len(batch) for batch in own] == [1] * len(theirs)
        for one, other in zip(own, theirs, strict=True):
            assert_same_sample(one[0], other[0])


def test_a_state_goes_on_with_the_next_batch(boxes: str) -> None:
    cfg = small(train=[boxes])
    with ours.build_train_loader(cfg) as loader:
        every = numbers(itertools.islice(loader, 3 * len(loader)))
    with ours.build_train_loader(cfg) as loader:
        for done in (0, 1, len(loader) - 1, len(loader), len(loader) + 2):
            with ours.build_train_loader(cfg) as first:
                assert numbers(itertools.islice(first, done)) == every[:done]
                state = first.state_dict()
            with ours.build_train_loader(cfg) as second:
                second.load_state_dict(state)
                assert numbers(itertools.islice(second, 4)) == every[done : done + 4]
    with (
        ours.build_train_loader(small(train=[boxes], INPUT__MIN_SIZE_TRAIN=(32,))) as other,
        pytest.raises(ConfigError),
    ):
        other.load_state_dict(state)


def rank_s_batches(pair: CocoPair) -> tuple[list[list[int]], list[list[int]], int]:
    with registered(pair, "ranks") as key:
        cfg = small(train=[key], test=[key], SOLVER__IMS_PER_BATCH=6)
        with ours.build_train_loader(cfg) as loader, ours.build_test_loader(cfg, key) as tests:
            return numbers(itertools.islice(loader, len(loader))), numbers(tests), len(DatasetCatalog.get(key))


def test_processes_run_what_is_python_s(coco_pair: Callable[[str], CocoPair]) -> None:
    augmentations = [T.ResizeShortestEdge((48, 64), 100), T.RandomLighting(20), T.RandomFlip()]
    mapper = DatasetMapper(
        True, augmentations=augmentations, image_format="BGR", use_instance_mask=True, instance_mask_format="bitmask"
    )
    with registered(coco_pair("polygons")) as key:
        given = []
        for workers, loader_type in ((0, "c++"), (2, "c++"), (2, "python")):
            with ours.build_train_loader(
                dataset=key, mapper=mapper, total_batch_size=2, seed=1, num_workers=workers, loader_type=loader_type
            ) as loader:
                given.append([sample for batch in itertools.islice(loader, len(loader) + 3) for sample in batch])
    for one, two, three in zip(*given, strict=True):
        assert_same_sample(two, one)
        assert_same_sample(three, one)


def test_ranks(coco_pair: Callable[[str], CocoPair]) -> None:
    pair = coco_pair("boxes")
    one, two, three = run_on_ranks(3, rank_s_batches, pair)
    assert len(one[0]) == len(two[0]) == len(three[0])
    together = [number for rank in (one, two, three) for batch in rank[1] for number in batch]
    assert len(together) == len(set(together)) == one[2]
    with registered(pair) as key:
        cfg = small(train=[key], SOLVER__IMS_PER_BATCH=6)
        with ours.build_train_loader(cfg) as loader:
            alone = numbers(itertools.islice(loader, len(loader)))
    assert [[*first, *second, *third] for first, second, third in zip(one[0], two[0], three[0], strict=True)] == alone


def indivisible() -> None:
    with pytest.raises(ConfigError, match="the total batch size 3 does not divide by the 2 ranks"):
        from penstock.integrations.detectron2.building import _batch_size

        _batch_size(3)


def test_a_batch_size_that_does_not_divide(detectron2: Any) -> None:
    run_on_ranks(2, indivisible)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no dataset is named"),
        ({"dataset": "nobody"}, "'nobody' is no Deep Lake dataset that was registered"),
        ({"dataset": "boxes", "total_batch_size": 2}, "mapper is missing"),
        ({"dataset": "boxes"}, "total_batch_size is missing"),
        ({"dataset": "boxes", "total_batch_size": 0}, "total_batch_size must be an int of at least 1, got 0"),
        ({"dataset": "boxes", "total_batch_size": 2, "num_workers": -1}, "num_workers must be an int of at least 0"),
        ({"dataset": "boxes", "total_batch_size": 2, "shuffle": False}, "a loader of training shuffles"),
    ],
)
def test_what_cannot_work(boxes: str, arguments: dict[str, Any], message: str) -> None:
    given = {key: boxes if value == "boxes" else value for key, value in arguments.items()}
    given.setdefault("mapper", None if message.startswith("mapper") else DatasetMapper(small(), True))
    with pytest.raises(ConfigError, match=message):
        ours.build_train_loader(**given)


@pytest.mark.parametrize(("kind", "name"), [("GeneralizedRCNN", "ROI_HEADS"), ("RetinaNet", "RETINANET")])
def test_more_classes_than_the_detector_has(boxes: str, kind: str, name: str) -> None:
    settings = {"MODEL__META_ARCHITECTURE": kind, f"MODEL__{name}__NUM_CLASSES": 3}
    with pytest.raises(ConfigError, match=rf"the dataset has 4 classes, and MODEL\.{name}\.NUM_CLASSES is 3"):
        ours.build_train_loader(small(train=[boxes], **settings))


def test_a_sampler_s_name_that_there_is_not(boxes: str) -> None:
    with pytest.raises(ConfigError, match=r"DATALOADER\.SAMPLER_TRAIN: there is no 'TrainingSampeler'"):
        ours.build_train_loader(small(train=[boxes], DATALOADER__SAMPLER_TRAIN="TrainingSampeler"))
    with pytest.raises(ConfigError, match="takes no TrainingSampler"):
        ours.build_test_loader(small(), boxes, sampler=TrainingSampler(3, seed=0))


def test_no_image_is_left(coco_pair: Callable[[str], CocoPair]) -> None:
    with registered(coco_pair("boxes"), classes=["fox"]) as key:
        part = Images.of_names([key], filter_empty=False)
        empty = np.zeros(0, np.int64)
        with pytest.raises(ConfigError, match="no image is left to load"):
            Images(part.parts, empty, empty)
