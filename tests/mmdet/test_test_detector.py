"""Evaluating a checkpoint."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

import penstock
from penstock.errors import ConfigError, DatasetNotFoundError, StorageError
from support import rank_work
from support.coco_lakes import CocoPair
from support.detection import TEST_PIPELINE, stock_dataset
from support.old_numpy import recall_of_old_numpy
from support.ranks import run_on_ranks
from support.small_mask_rcnn import mask_rcnn_config, rpn
from support.small_training import CLASSES, config, seeded_detector


@pytest.fixture(scope="module")
def checkpoint(awkward: CocoPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the small detector, and the names of its classes."""
    from mmcv.runner import save_checkpoint

    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(seeded_detector(config(awkward, folder)), str(folder / "a.pth"), meta={"CLASSES": CLASSES})
    return folder / "a.pth"


def run(model: Any, cfg: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
    from penstock.integrations import mmdet as mmdet_deeplake

    return mmdet_deeplake.test_detector(model, cfg, *arguments, **options)


#: A detector that has not been trained finds something at such thresholds.
LOW = {"iou_thrs": np.array([0.02, 0.1]), "metric_items": ["mAP", "AR@1000"]}


def stock_metrics(pair: CocoPair, model: Any, **options: Any) -> dict[str, Any]:
    """What MMDetection's own loop and dataset make of the COCO file."""
    from mmdet.apis import single_gpu_test
    from mmdet.datasets import build_dataloader

    from penstock.integrations.mmdet.training.device import OneDevice

    dataset = stock_dataset(pair, TEST_PIPELINE, test_mode=True)
    loader = build_dataloader(dataset, 1, 0, dist=False, shuffle=False)
    results = single_gpu_test(OneDevice(model, torch.device("cpu")), loader)
    metrics: dict[str, Any] = dataset.evaluate(results, **options)
    return metrics


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_metrics_of_a_checkpoint_are_stocks(
    awkward: CocoPair, native: Any, checkpoint: Path, tmp_path: Path, loader_type: str
) -> None:
    from mmcv.runner import load_checkpoint

    cfg = config(awkward, tmp_path)
    before = copy.deepcopy(cfg._cfg_dict.to_dict())
    found = run(None, cfg, checkpoint, loader_type=loader_type, eval_options=LOW)
    assert cfg._cfg_dict.to_dict() == before
    model = seeded_detector(config(awkward, tmp_path))
    load_checkpoint(model, str(checkpoint), map_location="cpu")
    expected = stock_metrics(awkward, model, **LOW)
    numbers = [{key: value for key, value in one.items() if key != "bbox_mAP_copypaste"} for one in (found, expected)]
    # The two loaders' images differ in the last bits.
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-3)
    assert 0 < numbers[0]["bbox_mAP"] < 1


def test_masks_are_evaluated(coco_pair: Callable[[str], CocoPair], tmp_path: Path) -> None:
    pair = coco_pair("polygon masks")
    cfg = mask_rcnn_config(pair, tmp_path, deeplake_dataloader_type="python")
    model = seeded_detector(cfg)
    found = run(model, cfg, out=tmp_path / "results.pkl")
    results = pickle.loads((tmp_path / "results.pkl").read_bytes())
    stock = stock_dataset(pair, TEST_PIPELINE, test_mode=True)
    assert found == stock.evaluate(results, metric=["bbox", "segm"])
    assert "segm_mAP" in found


def test_results_are_drawn_on_the_images(awkward: CocoPair, checkpoint: Path, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="python")
    run(None, cfg, checkpoint, show_dir=tmp_path / "shown", show_score_thr=0.0)
    dataset = penstock.open(awkward.lake)
    names = [f"{int(dataset['image_ids'][index][0]):012d}.jpg" for index in range(len(dataset))]
    assert sorted(path.name for path in (tmp_path / "shown").iterdir()) == sorted(names)
    changed = []
    for index, name in enumerate(names):
        drawn = cv2.imread(str(tmp_path / "shown" / name))
        image = dataset["images"].read(index, color="bgr")
        assert drawn.shape == image.shape
        changed.append(np.abs(drawn.astype(int) - image).mean())
    assert max(changed) > 5


def test_proposals(awkward: CocoPair, tmp_path: Path) -> None:
    """Of a detector that only proposes; MMDetection's own evaluation fails with today's numpy."""
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="python", model=rpn())
    metric = {"metric": ["proposal_fast", "proposal"], "iou_thrs": np.array([0.1, 0.5]), "proposal_nums": (1, 10, 30)}
    model = seeded_detector(cfg)
    found = run(model, cfg, out=tmp_path / "results.pkl", eval_options=metric, show_dir=tmp_path / "shown")
    results = pickle.loads((tmp_path / "results.pkl").read_bytes())
    with recall_of_old_numpy():
        expected = stock_dataset(awkward, TEST_PIPELINE, test_mode=True).evaluate(results, **metric)
    assert found == pytest.approx(expected)
    assert 0 < found["AR@10"] < found["AR@30"]
    assert len(list((tmp_path / "shown").iterdir())) == len(results)


def test_nothing_is_drawn_below_the_score(awkward: CocoPair, checkpoint: Path, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="python")
    run(None, cfg, checkpoint, show_dir=tmp_path / "shown", show_score_thr=1.1)
    dataset = penstock.open(awkward.lake)
    drawn = cv2.imread(str(tmp_path / "shown" / f"{int(dataset['image_ids'][0][0]):012d}.jpg"))
    assert np.abs(drawn.astype(int) - dataset["images"].read(0, color="bgr")).mean() < 5


def test_files_alone(awkward: CocoPair, checkpoint: Path, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="python")
    prefix = str(tmp_path / "results")
    files = run(None, cfg, checkpoint, format_only=True, eval_options={"jsonfile_prefix": prefix})
    assert files == {"bbox": f"{prefix}.bbox.json", "proposal": f"{prefix}.bbox.json"}
    rows = json.loads(Path(files["bbox"]).read_text())
    numbers = penstock.open(awkward.lake)["image_ids"].numpy_all()
    assert {row["image_id"] for row in rows} <= {int(number[0]) for number in numbers}


def test_options_go_before_the_configuration(awkward: CocoPair, checkpoint: Path, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="python")
    options = {"metric": "bbox", "metric_items": ["mAP_l"]}
    assert set(run(None, cfg, checkpoint, eval_options=options)) == {"bbox_mAP_l", "bbox_mAP_copypaste"}


def test_pascal_voc(awkward: CocoPair, checkpoint: Path, tmp_path: Path) -> None:
    settings = {"deeplake_dataloader_type": "python", "deeplake_metrics_format": "PascalVOC"}
    cfg = config(awkward, tmp_path, **settings, evaluation={"interval": 1, "iou_thr": 0.02})
    found = run(None, cfg, checkpoint)
    assert list(found) == ["mAP", "AP02"]
    assert found != run(None, cfg, checkpoint, eval_options={"eval_mode": "area"})


def test_the_test_split_goes_before_that_of_validation(awkward: CocoPair, checkpoint: Path, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path, deeplake_dataloader_type="python")
    cfg.data.test = {"deeplake_path": str(tmp_path / "missing"), "pipeline": TEST_PIPELINE}
    with pytest.raises(DatasetNotFoundError):
        run(None, cfg, checkpoint)
    expected = run(None, cfg, checkpoint, split="val")
    assert run(None, cfg, checkpoint, penstock.open(awkward.lake)) == expected
    del cfg.data.test["deeplake_path"]
    assert run(None, cfg, checkpoint) == expected


def test_no_bar_without_a_terminal(
    awkward: CocoPair, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(None, config(awkward, tmp_path, deeplake_dataloader_type="python"), checkpoint)
    captured = capsys.readouterr()
    assert "task/s" not in captured.out
    assert "it/s" not in captured.err


def test_processes_share_the_images(awkward: CocoPair, native: Any, checkpoint: Path, tmp_path: Path) -> None:
    """Started here, and in a group that runs already; images and results are those of one process."""
    settings: dict[str, Any] = {"deeplake_dataloader_type": "c++"}
    alone = run(None, config(awkward, tmp_path, **settings), checkpoint, out=tmp_path / "alone.pkl", eval_options=LOW)
    cfg = config(awkward, tmp_path, gpu_ids=[0, 1, 2], **settings)
    files = {"out": tmp_path / "three.pkl", "show_dir": tmp_path / "shown"}
    assert run(None, cfg, checkpoint, distributed=True, eval_options=LOW, **files) == alone
    expected, found = (pickle.loads((tmp_path / f"{name}.pkl").read_bytes()) for name in ("alone", "three"))
    assert len(found) == len(expected) == len(list((tmp_path / "shown").iterdir()))
    for own, others in zip(found, expected, strict=True):
        for boxes, same in zip(own, others, strict=True):
            np.testing.assert_array_equal(boxes, same)
    assert run_on_ranks(2, rank_work.tested, awkward, str(checkpoint), str(tmp_path), LOW) == [alone, alone]


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"gpu_ids": [0, 1]}, {}, "gpu_ids: one process works on one GPU, not on 2. Pass distributed=True"),
        ({"dist_params": {"backend": "nccl"}}, {"distributed": True}, "'nccl' needs GPUs"),
        ({}, {"loader_type": "c+"}, "deeplake_dataloader_type: there is no 'c+'"),
        ({}, {"split": "train"}, "split: there is no 'train'"),
        ({}, {"out": "results.json"}, "out='results.json': its name must end in .pkl"),
        ({}, {"format_only": True}, "format_only=True needs to know where the files go"),
        ({}, {"eval_options": {"metric": "segm"}}, "there is no tensor of htype 'polygon' or 'binary_mask'"),
        ({}, {"eval_options": {"clas": True}}, "evaluation: unknown key 'clas'"),
        ({"evaluation": {"metric": "mAP"}}, {}, "'mAP' is a metric of deeplake_metrics_format='PascalVOC'"),
        ({"data.val.classes": ["cat"]}, {}, "the detector knows 4 classes, and the dataset has 1"),
    ],
    ids=str,
)
def test_what_cannot_work_ends_before_the_model_runs(
    awkward: CocoPair, checkpoint: Path, tmp_path: Path, changes: Any, options: Any, message: str
) -> None:
    cfg = config(awkward, tmp_path / "new")
    cfg.merge_from_dict(changes)
    with pytest.raises(ConfigError) as caught:
        run(None, cfg, checkpoint, **options)
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"out": "folder.pkl"}, "out: '{here}/folder.pkl' is a folder"),
        ({"out": "lake/results.pkl"}, "lies within the dataset '{here}/lake'"),
        ({"out": "file/results.pkl"}, "out: '{here}/file' is a file, not a folder"),
        ({"show_dir": "lake/images"}, "show_dir: '{here}/lake/images' lies within the dataset"),
        ({"show_dir": "file"}, "show_dir: '{here}/file' is a file, not a folder"),
        ({"jsonfile_prefix": "taken"}, "jsonfile_prefix: '{here}/taken.segm.json' is a folder"),
        ({"jsonfile_prefix": "lake/results"}, "lies within the dataset '{here}/lake'"),
    ],
    ids=str,
)
def test_nothing_is_written_over_a_folder_or_into_a_dataset(
    awkward: CocoPair, checkpoint: Path, tmp_path: Path, options: dict[str, str], said: str
) -> None:
    here = tmp_path.resolve()
    shutil.copytree(awkward.lake, here / "lake")
    (here / "file").write_text("mine")
    for name in ("folder.pkl", "taken.segm.json"):
        (here / name).mkdir()
    before = sorted(here.rglob("*"))
    given: dict[str, Any] = {key: here / value for key, value in options.items()}
    prefix = given.pop("jsonfile_prefix", None)
    if prefix is not None:
        given |= {"format_only": True, "eval_options": {"jsonfile_prefix": str(prefix)}}
    with pytest.raises(ConfigError) as caught:
        run(None, config(awkward, tmp_path / "new"), checkpoint, **given)
    assert said.format(here=here) in str(caught.value)
    assert sorted(here.rglob("*")) == before


def test_images_are_not_replaced_by_drawings_of_them(awkward: CocoPair, checkpoint: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for file in awkward.images.glob("*.jpg"):
        shutil.copy(file, images)
    before = {file: file.read_bytes() for file in images.iterdir()}
    with pytest.raises(ConfigError, match=r"show_dir: '.*\.jpg' exists already"):
        run(None, config(awkward, tmp_path / "new"), checkpoint, show_dir=images)
    assert {file: file.read_bytes() for file in images.iterdir()} == before


def test_a_checkpoint_that_is_not_there(awkward: CocoPair, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"the checkpoint '.*missing.pth' cannot be read"):
        run(None, config(awkward, tmp_path), tmp_path / "missing.pth")
