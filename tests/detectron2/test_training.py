"""The steps of Detectron2's tutorial on a Deep Lake dataset: look, train, evaluate, predict, draw, and resume."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support.coco_lakes import CocoPair
from support.require import require

require("detectron2")

from detectron2 import model_zoo  # noqa: E402
from detectron2.config import LazyCall, instantiate  # noqa: E402
from detectron2.data import (  # noqa: E402
    DatasetCatalog,
    DatasetMapper,
    MetadataCatalog,
    detection_utils,
    get_detection_dataset_dicts,
)
from detectron2.data import transforms as T  # noqa: E402
from detectron2.engine import DefaultPredictor  # noqa: E402
from detectron2.evaluation import COCOEvaluator, inference_on_dataset  # noqa: E402
from detectron2.modeling import build_model  # noqa: E402
from detectron2.structures import Boxes, Instances  # noqa: E402
from detectron2.utils.env import seed_all_rng  # noqa: E402
from detectron2.utils.events import EventStorage  # noqa: E402
from detectron2.utils.visualizer import Visualizer  # noqa: E402

from penstock.errors import ConfigError  # noqa: E402
from penstock.integrations import detectron2 as ours  # noqa: E402
from penstock.integrations.detectron2.catalog import registered as dicts_named  # noqa: E402
from support.detectron2_data import FedMapper, registered, registered_file  # noqa: E402


def small(kind: str, train: str, test: str, folder: Path, **settings: Any) -> Any:
    """A published configuration, made so small that an iteration takes about a second."""
    cfg = model_zoo.get_config(f"COCO-{kind}_R_50_FPN_1x.yaml")
    cfg.DATASETS.TRAIN, cfg.DATASETS.TEST = (train,), (test,)
    cfg.OUTPUT_DIR = str(folder)
    options = {
        "MODEL.WEIGHTS": "", "MODEL.DEVICE": "cpu", "SEED": 5, "DATALOADER.NUM_WORKERS": 2,
        "SOLVER.IMS_PER_BATCH": 2, "SOLVER.BASE_LR": 1e-4, "SOLVER.MAX_ITER": 4, "SOLVER.WARMUP_ITERS": 2,
        "INPUT.MIN_SIZE_TRAIN": (96, 128), "INPUT.MAX_SIZE_TRAIN": 160, "INPUT.MIN_SIZE_TEST": 96,
        "INPUT.MAX_SIZE_TEST": 160, "MODEL.RPN.POST_NMS_TOPK_TRAIN": 60, "MODEL.RPN.PRE_NMS_TOPK_TRAIN": 100,
        "MODEL.RPN.POST_NMS_TOPK_TEST": 30, "MODEL.RPN.PRE_NMS_TOPK_TEST": 60,
        "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE": 16, "MODEL.ROI_HEADS.NUM_CLASSES": 80,
        # Frozen statistics belong to weights that were trained.
        "MODEL.RESNETS.NORM": "BN", "MODEL.BACKBONE.FREEZE_AT": 0,
        **settings,
    }  # fmt: skip
    cfg.merge_from_list([part for item in options.items() for part in item])
    return cfg


@pytest.fixture(scope="module")
def names(coco_pair: Callable[[str], CocoPair]) -> Iterator[tuple[str, str]]:
    with registered(coco_pair("train")) as train, registered(coco_pair("val")) as val:
        yield train, val


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    import logging

    before = logging.getLogger("detectron2").level
    logging.getLogger("detectron2").setLevel(logging.WARNING)
    yield
    logging.getLogger("detectron2").setLevel(before)


def test_samples_are_looked_at(names: tuple[str, str]) -> None:
    for record in DatasetCatalog.get(names[0])[:3]:
        image = detection_utils.read_image(record["file_name"], "RGB")
        drawn = Visualizer(image, metadata=MetadataCatalog.get(names[0])).draw_dataset_dict(record).get_image()
        assert drawn.shape == (record["height"], record["width"], 3)
        assert (drawn != image).any()


@pytest.fixture(scope="module")
def trained(names: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    cfg = small("Detection/faster_rcnn", *names, tmp_path_factory.mktemp("trained"))
    seed_all_rng(5)
    trainer = ours.PenstockTrainer(cfg)
    trainer.resume_or_load(resume=False)
    trainer.train()
    return cfg, trainer


def losses_of(folder: Path) -> dict[int, float]:
    import json

    rows = [json.loads(line) for line in (folder / "metrics.json").read_text().splitlines()]
    return {row["iteration"]: row["total_loss"] for row in rows if "total_loss" in row}


def test_a_detector_is_trained_and_evaluated(trained: Any) -> None:
    cfg, trainer = trained
    assert trainer.iter == 4 or trainer.iter == 3
    assert (Path(cfg.OUTPUT_DIR) / "model_final.pth").is_file()
    assert set(trainer._last_eval_results) == {"bbox"}
    assert all(step.native for step in trainer._trainer.data_loader.steps)
    files = {file.name for file in (Path(cfg.OUTPUT_DIR) / "inference").iterdir()}
    assert not any(name.endswith("coco_format.json") for name in files)


def test_a_trained_detector_predicts(trained: Any, names: tuple[str, str]) -> None:
    cfg, _ = trained
    cfg = cfg.clone()
    cfg.MODEL.WEIGHTS = str(Path(cfg.OUTPUT_DIR) / "model_final.pth")
    cfg.MODEL.ROI_HEADS.SCORE_THRESH_TEST = 0.0
    record = DatasetCatalog.get(names[1])[0]
    image = detection_utils.read_image(record["file_name"], "BGR")
    found = DefaultPredictor(cfg)(image)["instances"]
    assert found.image_size == (record["height"], record["width"])
    metadata = MetadataCatalog.get(names[1])
    drawn = Visualizer(image[:, :, ::-1], metadata=metadata).draw_instance_predictions(found.to("cpu"))
    assert drawn.get_image().shape == image.shape


@pytest.mark.parametrize("kind", ["Detection/faster_rcnn", "InstanceSegmentation/mask_rcnn"])
def test_losses_are_stock_s(names: tuple[str, str], tmp_path: Path, kind: str) -> None:
    cfg = small(kind, *names, tmp_path)
    with ours.build_train_loader(cfg) as loader:
        batches = list(itertools.islice(loader, 3))
    records = {record["image_id"]: record for record in get_detection_dataset_dicts([names[0]])}
    index_of = {number: index for index, number in enumerate(dicts_named(names[0]).source.image_ids)}
    fed = FedMapper(DatasetMapper(cfg, True), 5, 0)
    stock = [
        [fed(copy.deepcopy(records[sample["image_id"]]), index_of[sample["image_id"]]) for sample in batch]
        for batch in batches
    ]

    def losses(given: list[list[dict[str, Any]]]) -> list[dict[str, float]]:
        seed_all_rng(5)
        model = build_model(cfg)
        optimizer = torch.optim.SGD(model.parameters(), 1e-4)
        found = []
        with EventStorage():
            for batch in given:
                loss = model(batch)
                optimizer.zero_grad()
                sum(loss.values()).backward()
                optimizer.step()
                found.append({key: value.item() for key, value in loss.items()})
        return found

    own = losses(batches)
    assert own == losses(stock)
    assert ("loss_mask" in own[0]) == kind.startswith("Instance")


class GroundTruth(torch.nn.Module):
    """Predicts the objects of an annotation file, a little beside where they are."""

    def __init__(self, records: list[dict[str, Any]], masks: bool) -> None:
        super().__init__()
        self._records = {record["image_id"]: record for record in records}
        self._masks = masks

    def forward(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"instances": self._of(self._records[sample["image_id"]])} for sample in batch]

    def _of(self, record: dict[str, Any]) -> Any:
        from pycocotools import mask

        size = record["height"], record["width"]
        rows = [row for row in record["annotations"] if not row["iscrowd"]]
        rng = np.random.default_rng(record["image_id"])
        boxes = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4)
        boxes = np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1) + rng.normal(0, 3, (len(rows), 4))
        found = Instances(size)
        found.pred_boxes = Boxes(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4))
        found.scores = torch.tensor(rng.random(len(rows)))
        found.pred_classes = torch.tensor([row["category_id"] for row in rows], dtype=torch.int64)
        if self._masks:
            masks = [mask.decode(mask.merge(mask.frPyObjects(row["segmentation"], *size))) for row in rows]
            moved = [np.roll(one, 2, axis=1) for one in masks]
            found.pred_masks = torch.tensor(np.array(moved).reshape(-1, *size)).bool()
        return found


@pytest.mark.parametrize("name", ["val", "val bitmaps"])
def test_metrics_are_those_of_the_annotation_file(
    coco_pair: Callable[[str], CocoPair], tmp_path: Path, name: str
) -> None:
    pair = coco_pair(name)
    with registered(pair) as own, registered_file(pair) as theirs:
        records = DatasetCatalog.get(theirs)
        model = GroundTruth(records, masks=True)
        mapper = DatasetMapper(False, augmentations=[T.ResizeShortestEdge(64, 100)], image_format="BGR")
        for fast in (True, False):
            results = []
            for key in (own, theirs):
                evaluator = COCOEvaluator(key, ("bbox", "segm"), output_dir=None, use_fast_impl=fast)
                with ours.build_test_loader(dataset=own, mapper=mapper) as loader:
                    results.append(inference_on_dataset(model, loader, evaluator))
            # Where a class has no object, its AP is NaN in both.
            np.testing.assert_equal(results[0], results[1])
    assert results[0]["segm"]["AP"] > 1
    assert any(results[0]["bbox"][f"AP{size}"] > 1 for size in "sml")


def test_training_goes_on_as_if_it_was_never_interrupted(names: tuple[str, str], tmp_path: Path) -> None:
    def train(folder: Path, iterations: int, resume: bool) -> list[float]:
        cfg = small("Detection/faster_rcnn", *names, folder, **{"SOLVER.CHECKPOINT_PERIOD": 3, "SOLVER.MAX_ITER": 6})
        cfg.DATASETS.TEST = ()
        seed_all_rng(11 if resume else 5)
        trainer = ours.PenstockTrainer(cfg)
        trainer.resume_or_load(resume=resume)
        trainer.max_iter = iterations
        found: list[float] = []
        write = trainer._trainer._write_metrics

        def keep(losses: Any, *args: Any, **options: Any) -> None:
            found.append(sum(value.item() for value in losses.values()))
            write(losses, *args, **options)

        trainer._trainer._write_metrics = keep
        trainer.train()
        return found

    whole = train(tmp_path / "whole", 6, resume=False)
    first = train(tmp_path / "parts", 3, resume=False)
    second = train(tmp_path / "parts", 6, resume=True)
    assert first + second == whole
    assert len(second) == 3


def test_a_lazy_configuration(names: tuple[str, str]) -> None:
    resize = LazyCall(T.ResizeShortestEdge)(short_edge_length=(64, 80), max_size=133)
    described = LazyCall(ours.build_train_loader)(
        dataset=LazyCall(get_detection_dataset_dicts)(names=names[0]),
        mapper=LazyCall(DatasetMapper)(
            is_train=True,
            augmentations=[resize, LazyCall(T.RandomFlip)()],
            image_format="BGR",
            use_instance_mask=True,
        ),
        total_batch_size=2,
        num_workers=1,
    )
    with instantiate(described) as loader:
        batch = next(iter(loader))
        assert all(step.native for step in loader.steps)
    assert {"image", "instances", "file_name"} <= batch[0].keys()
    assert batch[0]["instances"].has("gt_masks")


def test_another_evaluator_is_the_user_s_to_say(coco_pair: Callable[[str], CocoPair], tmp_path: Path) -> None:
    with registered(coco_pair("boxes"), evaluator_type="mine") as key:
        cfg = small("Detection/faster_rcnn", key, key, tmp_path)
        with pytest.raises(ConfigError, match="has the evaluator_type 'mine', and only 'coco' is known here"):
            ours.PenstockTrainer.build_evaluator(cfg, key)
