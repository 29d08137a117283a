"""Loading wrapped datasets: hooks that change them, datasets that differ, damage, validation, wrong configurations."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from penstock.errors import ConfigError, DecodeError
from support.coco_lakes import CocoPair, write_coco_lake
from support.damage import replace_sample
from support.detection import LOAD, TEST_PIPELINE, augmenting, training
from support.same_batches import Tolerance, assert_same_batches
from support.small_training import config, log_of, losses, seeded_detector
from support.wrapped import balanced, concat, dataset_of, leaf, loaded, mixed, own_tree, repeat, stock_tree, yolox

pytestmark = pytest.mark.usefixtures("native", "mmdet")

COMMON = ["dog", "cat"]
AFFINE = Tolerance(share=0.03, boxes=1e-3)
Pairs = Callable[[str], CocoPair]


class Halve:
    """A step of the user's own."""

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        results["img"] = results["img"] // 2
        return results


class _Recorder(torch.nn.Module):
    """Stands for a detector and keeps the batches that it is trained with."""

    def __init__(self) -> None:
        super().__init__()
        self.bbox_head = torch.nn.Linear(1, 1)
        self.batches: list[Any] = []

    def train_step(self, data: Any, optimizer: Any, **_: Any) -> dict[str, Any]:
        self.batches.append(data)
        return {"loss": self.bbox_head.weight.sum(), "log_vars": {}, "num_samples": 1}


SKIPPED = ("Mosaic", "RandomAffine", "MixUp")


@pytest.mark.parametrize(
    ("loader_type", "workers", "steps"),
    [("c++", 0, []), ("c++", 1, [{"type": Halve}]), ("python", 0, []), ("python", 1, [])],
    ids=["c++", "c++ with processes", "python", "python with processes"],
)
def test_mosaic_ends_with_the_epoch_that_the_hook_says(
    awkward: CocoPair, loader_type: str, workers: int, steps: list[Any], tmp_path: Path
) -> None:
    from mmcv.runner import EpochBasedRunner
    from mmdet.core.hook import YOLOXModeSwitchHook

    from penstock.integrations.mmdet import build_dataloader

    tree = mixed(leaf(awkward, LOAD), yolox(*steps))
    model = _Recorder()
    runner = EpochBasedRunner(
        model,
        optimizer=torch.optim.SGD(model.parameters(), 0.1),
        work_dir=str(tmp_path),
        logger=logging.getLogger("test"),
        max_epochs=3,
    )
    runner.register_hook(YOLOXModeSwitchHook(num_last_epochs=1))
    options = {"seed": 11, "loader_type": loader_type, "persistent_workers": workers > 0}
    with build_dataloader(own_tree(tree), 3, workers, **options) as loader:
        assert "Mosaic" in loader.explain()
        runner.run([loader], [("train", 1)])
        assert "Mosaic" not in loader.explain()
        assert loader.stats()["batches"] == len(model.batches)
    assert model.bbox_head.use_l1
    before = loaded(tree, "python", epochs=1)
    after = loaded({**tree, "skip_type_keys": SKIPPED}, "python", epochs=3)
    expected = [*before[0], *after[1], *after[2]]
    assert_same_batches(model.batches, expected, AFFINE)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_workers_that_are_spawned_get_the_wrapped_dataset(awkward: CocoPair, loader_type: str) -> None:
    one = leaf(awkward, LOAD)
    tree = mixed([one, repeat(one, 2)], yolox({"type": "Resize", "img_scale": (48, 48), "override": True}))
    if loader_type == "c++":  # which has workers for steps in Python alone
        tree["pipeline"].insert(-2, {"type": "Rotate", "level": 3, "prob": 1.0})
    options = {"workers_per_gpu": 1, "multiprocessing_context": "spawn"}
    assert_same_batches(loaded(tree, loader_type, **options)[0], loaded(tree, loader_type)[0])


def test_items_of_the_wrapper_leave_steps_out_too(awkward: CocoPair) -> None:
    dataset = own_tree(mixed(leaf(awkward, LOAD), yolox()))
    dataset.update_skip_type_keys(SKIPPED)
    assert dataset[0]["img"].data.shape == (3, 64, 64)
    assert dataset[0]["img_metas"].data["ori_filename"] == dataset.dataset.data_infos[0]["filename"]


def test_datasets_of_other_formats_are_joined_in_python(
    awkward: CocoPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penstock.integrations.mmdet import build_dataloader

    png = write_coco_lake(tmp_path / "png", awkward.annotations, awkward.images, compression="png")
    tree = concat(leaf(awkward, augmenting(64)), leaf(png, augmenting(64)))
    with build_dataloader(own_tree(tree), 3, 1, loader_type="c++") as loader:
        assert not any(step.native for step in loader.steps)
        assert re.search(r"Python: 'images' of .* differ in sample compression: jpeg and png", loader.explain())
    ((native,), (python,)) = loaded(tree, "c++"), loaded(tree, "python")
    assert_same_batches(native, python)
    # The pixels are the same as of two datasets of JPEGs, which the core reads: so are the draws, and all else.
    (alike,) = loaded(concat(leaf(awkward, augmenting(64)), leaf(awkward, augmenting(64))), "c++")
    for one, other in zip(native, alike, strict=True):
        assert torch.allclose(one["img"].data[0], other["img"].data[0], rtol=1e-5, atol=1e-4)
        assert all(map(torch.equal, one["gt_bboxes"].data[0], other["gt_bboxes"].data[0]))


@pytest.mark.parametrize("pipeline", [training(), [*LOAD, {"type": Halve}, *training()[2:]]], ids=["core", "python"])
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_damage_is_named_as_in_its_own_dataset(
    awkward: CocoPair, loader_type: str, pipeline: list[Any], tmp_path: Path
) -> None:
    path = Path(shutil.copytree(awkward.lake, tmp_path / "lake"))
    replace_sample(path, "images", 9, lambda data: data[:200] + bytes(len(data) - 200))
    with pytest.raises(DecodeError) as caught:
        loaded(repeat(concat(leaf(awkward, pipeline), leaf(awkward._replace(lake=path), pipeline)), 2), loader_type)
    error = caught.value
    assert (error.tensor, error.index, error.path) == ("images", 9, str(path))
    assert error.chunk is not None and (path / error.chunk).exists()


class RejectAll:
    def __call__(self, results: dict[str, Any]) -> None:
        return None


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_errors_of_the_pipeline_name_the_sample_in_its_own_dataset(coco_pair: Pairs, loader_type: str) -> None:
    from penstock.errors import TransformError

    pipeline = [*LOAD, {"type": RejectAll}, *training()[2:]]
    pairs = [coco_pair("val"), coco_pair("awkward")]
    with pytest.raises(TransformError, match="rejected") as caught:
        loaded(own_tree([leaf(pair, pipeline, COMMON) for pair in reversed(pairs)]), loader_type, shuffle=False)
    assert caught.value.path == str(pairs[1].lake)
    assert 0 <= caught.value.index < 16


def test_rejected_items_are_replaced_within_their_dataset(coco_pair: Pairs) -> None:
    """As in MMDetection, where each dataset looks for another by itself."""
    crop = {"type": "RandomCrop", "crop_size": (0.2, 0.2), "crop_type": "relative"}
    pipeline = [*LOAD, crop, *training()[2:]]
    tree = [leaf(coco_pair(name), pipeline, COMMON) for name in ("awkward", "val")]
    sizes = [len(one) for one in own_tree(tree).datasets]
    ((native,), (python,)) = (loaded(tree, kind, batch_size=1, shuffle=False) for kind in ("c++", "python"))
    assert_same_batches(native, python)
    of_awkward = {info["filename"] for info in own_tree(tree).datasets[0].data_infos}
    found = [batch["img_metas"].data[0][0]["ori_filename"] for batch in native]
    planned = [info["filename"] for one in own_tree(tree).datasets for info in one.data_infos]
    assert found != planned
    assert [name in of_awkward for name in found] == [True] * sizes[0] + [False] * sizes[1]


def test_what_is_mixed_in_may_be_rejected(coco_pair: Pairs) -> None:
    """Another sample of its dataset takes its place, in the core as in Python."""
    from penstock.integrations.mmdet import build_dataloader

    crop = {"type": "RandomCrop", "crop_size": (0.3, 0.3), "crop_type": "relative"}
    shift = {"type": "RandomShift", "filter_thr_px": 5}
    drop = {"type": "FilterAnnotations", "min_gt_bbox_wh": (3, 3)}
    tree = mixed([leaf(coco_pair(name), [*LOAD, crop, drop], COMMON) for name in ("awkward", "val")], [shift, *yolox()])
    with build_dataloader(own_tree(tree), 4, 0, loader_type="c++") as loader:
        assert all(step.native for step in loader.steps), loader.explain()
    for native, python in zip(loaded(tree, "c++", epochs=3), loaded(tree, "python", epochs=3), strict=True):
        assert_same_batches(native, python, AFFINE)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_pipeline_that_rejects_all_partners_ends(coco_pair: Pairs, loader_type: str) -> None:
    from penstock.errors import TransformError

    drop = {"type": "FilterAnnotations", "min_gt_bbox_wh": (1000, 1000)}
    with pytest.raises(TransformError, match="rejected 100 samples in a row"):
        loaded(mixed(leaf(coco_pair("val"), [*LOAD, drop], COMMON), yolox()), loader_type)


def _detections(dataset: Any) -> list[list[Any]]:
    """Ground truth, moved a little."""
    rng = np.random.default_rng(3)
    results = []
    for number in range(len(dataset)):
        truth = dataset.get_ann_info(number)
        found = []
        for label in range(len(dataset.CLASSES)):
            boxes = truth["bboxes"][truth["labels"] == label] + rng.normal(0, 3, 4)
            found.append(np.hstack([boxes, rng.random((len(boxes), 1))]).astype(np.float32))
        results.append(found)
    return results


def test_each_dataset_of_a_validation_set_is_evaluated(coco_pair: Pairs) -> None:
    tree = [leaf(coco_pair(name), TEST_PIPELINE, COMMON) for name in ("awkward", "val")]
    stock, own = stock_tree(tree, test_mode=True), own_tree(tree, test_mode=True)
    results = _detections(stock)
    expected = stock.evaluate(results, metric="bbox")
    assert own.evaluate(results, metric="bbox") == expected
    assert {"0_bbox_mAP", "1_bbox_mAP"} <= expected.keys()


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_validation_goes_through_one_dataset_after_the_other(coco_pair: Pairs, loader_type: str) -> None:
    tree = [leaf(coco_pair(name), TEST_PIPELINE, COMMON) for name in ("val", "awkward")]
    stock = stock_tree(tree, test_mode=True)
    (batches,) = loaded(own_tree(tree, test_mode=True), loader_type, batch_size=1, shuffle=False, workers_per_gpu=1)
    assert len(batches) == len(stock)
    for batch, item in zip(batches, stock, strict=True):
        assert batch["img_metas"][0].data[0][0]["ori_filename"] == item["img_metas"][0].data["ori_filename"]
        assert torch.allclose(batch["img"][0][0], item["img"][0], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_detector_trains_on_wrapped_datasets(awkward: CocoPair, loader_type: str, tmp_path: Path) -> None:
    from penstock.integrations.mmdet import train_detector

    cfg = config(awkward, tmp_path, deeplake_dataloader_type=loader_type)
    cfg.data.train = dataset_of(repeat(concat(leaf(awkward, augmenting(64)), leaf(awkward, augmenting(64))), 2))
    cfg.data.val = dataset_of([leaf(awkward, TEST_PIPELINE)] * 2)
    train_detector(seeded_detector(cfg), cfg, timestamp="log")
    log = log_of(cfg)
    assert len(losses(log)) == 4 * 12 // 4
    assert {"0_bbox_mAP", "1_bbox_mAP"} <= log[-1].keys()


def test_lists_of_paths_are_datasets_one_after_the_other(coco_pair: Pairs) -> None:
    from penstock.integrations.mmdet import build_dataset

    pairs = [coco_pair("awkward"), coco_pair("val")]
    keys = {
        "type": "VOCDataset",
        "ann_file": ["a", "b"],
        "pipeline": LOAD,
        "classes": COMMON,
        "deeplake_path": [str(pair.lake) for pair in pairs],
        "deeplake_commit_id": ["", "main"],
        "deeplake_tensors": {"img": "images"},
    }
    built = build_dataset({"type": "RepeatDataset", "times": 3, "dataset": keys})
    assert [leaf.source.path for leaf in built.dataset.datasets] == [str(pair.lake) for pair in pairs]
    assert len(built) == 3 * sum(map(len, built.dataset.datasets))


def test_keys_beside_a_wrapper_are_for_the_datasets_within(awkward: CocoPair) -> None:
    from penstock.integrations.mmdet import build_dataset

    inner = {"type": "CocoDataset", "pipeline": LOAD}
    built = build_dataset({"type": "RepeatDataset", "times": 2, "dataset": inner, "deeplake_path": str(awkward.lake)})
    assert built.dataset.source.path == str(awkward.lake)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (lambda one: repeat(one, 0), "times must be an int of at least 1, got 0"),
        (lambda one: {**repeat(one, 2), "time": 3}, "unknown key 'time'. Did you mean 'times'?"),
        (lambda one: {"type": "RepeatDataset", "times": 2}, "'RepeatDataset' needs 'dataset'"),
        (lambda one: balanced(one, -1), "oversample_thr must be a number of at least 0"),
        (lambda one: concat(), "configuration.datasets: a list of datasets is needed"),
        (lambda one: [], "a list of datasets is needed, got []"),
        (lambda one: mixed(one, []), "there is no pipeline"),
        (lambda one: mixed(one, [{"type": "Mosaik"}]), "pipeline step 1: there is no transform 'Mosaik'"),
        (lambda one: mixed(one, yolox(), dynamic_scale=(8, 8)), "dynamic_scale is deprecated"),
        (lambda one: concat(one, one, separate_eval=False), "'ConcatDataset' cannot be built: Evaluating concatenated"),
        (lambda one: concat(one, {**one, "classes": ["cat"]}), "the classes of the datasets 0 and 1 differ"),
        (lambda one: repeat(concat(one, repeat({**one, "pipeline": []}, 2)), 2), "datasets[1].dataset: there is no"),
        (lambda one: balanced(mixed(one, yolox())), "'ClassBalancedDataset' cannot be built"),
    ],
)
def test_wrong_trees(awkward: CocoPair, tree: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        own_tree(tree(leaf(awkward, LOAD)))
    assert message in str(caught.value)


@pytest.mark.parametrize("wrap", [lambda one: repeat(one, 2), balanced, lambda one: mixed(one, yolox())])
def test_wrappers_that_are_for_training(awkward: CocoPair, wrap: Any) -> None:
    with pytest.raises(ConfigError, match="is for training"):
        own_tree(wrap(leaf(awkward, TEST_PIPELINE)), test_mode=True)


def test_a_passed_dataset_stands_in_for_one(awkward: CocoPair) -> None:
    from penstock.integrations.mmdet import build_dataset

    inner = {"type": "CocoDataset", "pipeline": LOAD}
    built = build_dataset(repeat(inner, 2), dataset=str(awkward.lake))
    assert built.dataset.source.path == str(awkward.lake)
    with pytest.raises(ConfigError, match="has 2 datasets, and one was passed"):
        build_dataset(concat(inner, inner), dataset=str(awkward.lake))


def test_a_detector_is_tested_on_several_datasets(awkward: CocoPair, tmp_path: Path) -> None:
    from penstock.integrations.mmdet import test_detector

    cfg = config(awkward, tmp_path)
    cfg.data.test = dataset_of([leaf(awkward, TEST_PIPELINE)] * 2)
    found = test_detector(seeded_detector(cfg), cfg, show_dir=tmp_path / "drawn")
    assert found["0_bbox_mAP"] == found["1_bbox_mAP"]
    names = {info["filename"] for info in own_tree(leaf(awkward, TEST_PIPELINE), test_mode=True).data_infos}
    assert {file.name for file in (tmp_path / "drawn").iterdir()} == names
    with pytest.raises(ConfigError, match="results of several datasets"):
        test_detector(
            seeded_detector(cfg), cfg, format_only=True, eval_options={"jsonfile_prefix": str(tmp_path / "results")}
        )
