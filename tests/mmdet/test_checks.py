"""What cannot work as a whole ends before training starts, in a sentence that names key and value."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from penstock.errors import ConfigError, DatasetFormatError, MissingExtraError, PenstockError
from support.coco_lakes import CocoPair
from support.detection import LOAD, TEST_PIPELINE, training
from support.lake import new_lake
from support.small_mask_rcnn import mask_rcnn_config
from support.small_training import config, detector, seeded_detector

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _nothing_is_run(monkeypatch: pytest.MonkeyPatch, mmdet: Any) -> None:
    """None of these runs may get as far as a runner."""
    from mmcv.runner import BaseRunner

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("training would have started")

    monkeypatch.setattr(BaseRunner, "__init__", refuse)


def refused(cfg: Any, kind: type[PenstockError] = ConfigError, model: Any = None, **options: Any) -> PenstockError:
    from penstock.integrations import mmdet as mmdet_deeplake

    with pytest.raises(kind) as caught:
        mmdet_deeplake.train_detector(seeded_detector(cfg) if model is None else model, cfg, **options)
    assert not Path(cfg.work_dir).exists()
    return caught.value


def accepted(cfg: Any, model: Any = None) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    with pytest.raises(AssertionError, match="training would have started"):
        mmdet_deeplake.train_detector(seeded_detector(cfg) if model is None else model, cfg)


@pytest.fixture
def make(deeplake: Any, tmp_path: Path) -> Write:
    """Writes a dataset with a box in each image."""

    def write(labels: list[int], names: tuple[str, ...] = ("cat", "dog", "emu", "fox")) -> Path:
        path = tmp_path / "-".join(["lake", *names, *map(str, labels)])
        if path.exists():
            return path
        with new_lake(path) as lake:
            lake.create_tensor("images", htype="image", sample_compression="png")
            lake.create_tensor("boxes", htype="bbox", coords={"type": "pixel", "mode": "LTWH"})
            lake.create_tensor("labels", htype="class_label", class_names=list(names))
            lake.create_tensor("areas", dtype="float64")
            for label in labels:
                lake.images.append(np.full((40, 50, 3), label, np.uint8))
                lake.boxes.append(np.array([[2, 3, 20, 30]], np.float32))
                lake.labels.append(np.array([label], np.uint32))
                lake.areas.append(np.array([600.0]))
        return path

    return write


def two_stage(boxes: int = 4, masks: int = 4) -> torch.nn.Module:
    """The heads of a cascade with a mask head, and a backbone that has classes of its own."""
    from mmdet.models import build_head

    return torch.nn.ModuleDict(
        {
            "backbone": torch.nn.ModuleDict({"classifier": _WithClasses(1000)}),
            "rpn_head": build_head({"type": "RPNHead", "in_channels": 8}),
            "roi_head": torch.nn.ModuleDict(
                {
                    "bbox_head": torch.nn.ModuleList(
                        build_head({"type": "Shared2FCBBoxHead", "num_classes": count, "in_channels": 8})
                        for count in (4, boxes)
                    ),
                    "mask_head": build_head({"type": "FCNMaskHead", "num_classes": masks, "in_channels": 8}),
                }
            ),
        }
    )


class _WithClasses(torch.nn.Module):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.num_classes = count


def test_a_head_for_another_number_of_classes(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path / "work", custom_hooks=[])
    cfg.model.bbox_head.num_classes = 80
    said = str(refused(cfg))
    assert "model.bbox_head.num_classes is 80, and data.train has 4 classes ('cat', 'dog', 'emu', 'fox')" in said
    assert "Set it to 4" in said


@pytest.mark.parametrize(
    ("counts", "key"),
    [({"boxes": 80}, "model.roi_head.bbox_head.1.num_classes is 80"), ({"masks": 5}, "model.roi_head.mask_head.num")],
)
def test_each_head_is_looked_at(awkward: CocoPair, tmp_path: Path, counts: dict[str, int], key: str) -> None:
    assert key in str(refused(config(awkward, tmp_path / "work"), model=two_stage(**counts)))


def test_heads_without_classes_of_the_dataset_may_have_any_number(awkward: CocoPair, tmp_path: Path) -> None:
    accepted(config(awkward, tmp_path / "work"), two_stage())


def test_fewer_classes_may_be_chosen(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path / "work")
    for split in ("train", "val"):
        cfg.data[split].classes = ("emu", "fox")
    assert "data.train has 2 classes ('emu', 'fox')" in str(refused(cfg))
    cfg.model = {**detector(), "bbox_head": {**detector()["bbox_head"], "num_classes": 2}}
    accepted(cfg)


def test_validation_on_other_classes(make: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def run(names: tuple[str, ...]) -> Any:
        cfg = config(CocoPair(tmp_path, tmp_path, make([0, 1])), tmp_path / "work")
        cfg.data.val.deeplake_path = str(make([0, 1], names))
        return cfg

    said = str(refused(run(("cat", "dog", "emu"))))
    assert "data.val has other classes than data.train: 3 classes ('cat', 'dog', 'emu'), not 4" in said
    assert "in the same order" in str(refused(run(("dog", "cat", "emu", "fox"))))
    caplog.clear()
    accepted(run(("cat", "dog", "emu", "vixen")))
    assert "data.val has other classes" in caplog.text


@pytest.mark.parametrize("split", ["train", "val"])
def test_labels_out_of_range(make: Write, tmp_path: Path, split: str) -> None:
    """Also where no image has to be filtered, so that nothing else reads annotations before the first batch."""
    cfg = config(CocoPair(tmp_path, tmp_path, make([0, 1])), tmp_path / "work")
    path = cfg.data[split].deeplake_path = str(make([0, 1, 7]))
    cfg.data.train.filter_empty_gt = False
    error = refused(cfg, DatasetFormatError)
    assert (error.cause, error.tensor, error.index, error.path) == (
        "the label 7 has no class: there are 4",
        "labels",
        2,
        path,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"deeplake_path": "x"}, "'deeplake_path' stands at its top level. It belongs into data.train"),
        ({"deeplake_metric_format": "COCO"}, "'deeplake_metric_format'. Did you mean 'deeplake_metrics_format'?"),
        ({"deeplak_dataloader_type": "c++"}, "'deeplak_dataloader_type'. Did you mean 'deeplake_dataloader_type'?"),
        ({"deeplake_dataloader_type": "c+"}, "deeplake_dataloader_type: there is no 'c+'. Did you mean 'c++'?"),
        ({"data.train.deeplake_tensor": {}}, "data.train: unknown key 'deeplake_tensor'. Did you mean"),
        ({"data.val.deeplake_pth": "x"}, "unknown key 'deeplake_pth'. Did you mean 'deeplake_path'?"),
        ({"data.val.deeplake_dataloader": {"batch": 2}}, "unknown key 'batch'. Did you mean 'batch_size'?"),
        ({"data.trian": {}}, "data: unknown key 'trian'. Did you mean 'train'?"),
        ({"data.val": {}}, "data.val has no deeplake_path. Give one, or pass ds_val=, or validate=False"),
        ({"evaluation": {"intervall": 1}}, "evaluation: unknown key 'intervall'. Did you mean 'interval'?"),
        ({"evaluation": {"metric": "bbox", "class_wise": True}}, "'class_wise'. Did you mean 'classwise'?"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_keys(awkward: CocoPair, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    cfg = config(awkward, tmp_path / "work")
    for key in [key for key, value in changes.items() if isinstance(value, dict)]:
        # merge_from_dict would merge, and not replace.
        holder, _, last = key.rpartition(".")
        target = cfg
        for name in filter(None, holder.split(".")):
            target = target[name]
        target[last] = changes[key]
    cfg.merge_from_dict({key: value for key, value in changes.items() if not isinstance(value, dict)})
    assert message in str(refused(cfg))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"load_from": "/none.pth"}, "load_from: there is no file '/none.pth'"),
        ({"resume_from": "/none.pth"}, "resume_from: there is no file '/none.pth'"),
        ({"log_config": {"interval": 1}}, "log_config: a dict with a list of 'hooks' is needed, got {'interval': 1}"),
        ({"device": "gpu"}, "device: there is no 'gpu'. It is 'cpu' or 'cuda'"),
        ({"evaluation": {"metric": "proposal_fast"}}, "'proposal_fast' is of proposals, and 'YOLOV3' gives detections"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_values_that_cannot_be(awkward: CocoPair, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    assert message in str(refused(config(awkward, tmp_path / "work", **changes)))


def test_a_configuration_that_is_none(awkward: CocoPair, tmp_path: Path) -> None:
    from penstock.integrations.mmdet import train_detector

    cfg = config(awkward, tmp_path / "work")
    for other in ("config.py", cfg._cfg_dict.to_dict()):
        with pytest.raises(TypeError, match=r"cfg must be an mmcv\.Config, as Config\.fromfile gives it"):
            train_detector(torch.nn.Module(), other)


def test_an_unknown_wrapper(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path / "work")
    cfg.data.train = {"type": "RepeatDatset", "times": 2, "dataset": cfg.data.train}
    assert "no wrapper of datasets 'RepeatDatset'. Did you mean 'RepeatDataset'?" in str(refused(cfg))


def test_a_wrong_step_is_named_with_its_split(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path / "work")
    cfg.data.val.pipeline = [*TEST_PIPELINE, {"type": "Paad"}]
    assert "data.val: pipeline step 3: there is no transform 'Paad'. Did you mean 'Pad'?" in str(refused(cfg))
    cfg.data.train.pipeline = "train_pipeline"
    assert "data.train: pipeline: a list of dicts is needed, got 'train_pipeline'" in str(refused(cfg))


def test_masks_of_a_detector_that_finds_none(coco_pair: Callable[[str], CocoPair], tmp_path: Path) -> None:
    cfg = mask_rcnn_config(coco_pair("polygon masks"), tmp_path / "work")
    accepted(cfg)
    cfg.data.train.pipeline = training()
    for name in ("mask_head", "mask_roi_extractor"):
        del cfg.model.roi_head[name]
    cfg.model.type = "FasterRCNN"
    said = str(refused(cfg))
    assert "evaluation.metric: 'segm' needs a detector that finds masks, and this 'FasterRCNN' has no mask_head" in said


@pytest.mark.parametrize(
    ("split", "pipeline", "message"),
    [
        ("train", training()[:-1], "data.train: the pipeline ends with 'DefaultFormatBundle', and not with 'Collect'"),
        ("train", TEST_PIPELINE, "data.train: the pipeline ends with 'MultiScaleFlipAug' and collects no annotations"),
        ("train", [*training()[:-1], {"type": "Collect", "keys": ["img"]}], "'Collect' and collects no annotations"),
        ("val", training(), "a dataset of testing (test_mode) gives it none"),
        ("val", [LOAD[0], *training()[2:-1], {"type": "Collect", "keys": ["img"]}], "has no 'MultiScaleFlipAug'"),
        ("val", TEST_PIPELINE[:1], "data.val: the pipeline ends with 'LoadImageFromFile', and not"),
        (
            "train",
            [LOAD[0], {"type": "LoadAnnotations", "denorm_bbox": True}, *training()[2:]],
            "data.train: denorm_bbox=True multiplies boxes by the image's size",
        ),
    ],
)
def test_pipelines(awkward: CocoPair, tmp_path: Path, split: str, pipeline: Any, message: str) -> None:
    cfg = config(awkward, tmp_path / "work")
    cfg.data[split].pipeline = pipeline
    assert message in str(refused(cfg))


def test_a_detector_of_ones_own_may_be_given_images_otherwise(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path / "work")
    cfg.data.val.pipeline = [LOAD[0], *training()[2:-1], {"type": "Collect", "keys": ["img"]}]
    model = seeded_detector(cfg)
    model.__class__ = type("OwnDetector", (type(model),), {"forward_test": lambda self, img, img_metas: []})
    accepted(cfg, model)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_training_set_for_testing(awkward: CocoPair, native: Any, tmp_path: Path, loader_type: str) -> None:
    cfg = config(awkward, tmp_path / "work", deeplake_dataloader_type=loader_type)
    cfg.data.train.update(test_mode=True, deeplake_dataloader={"shuffle": False})
    assert "loads annotations (LoadAnnotations), and a dataset of testing (test_mode)" in str(refused(cfg))


def test_the_pipeline_around_mixed_samples_is_looked_at(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(awkward, tmp_path / "work")
    mixed = {"type": "MultiImageMixDataset", "dataset": {"deeplake_path": str(awkward.lake), "pipeline": LOAD}}
    cfg.data.train = {**mixed, "pipeline": training()[2:]}
    accepted(cfg)
    cfg.data.train = {"type": "RepeatDataset", "times": 2, "dataset": {**mixed, "pipeline": training()[2:-1]}}
    assert "the pipeline ends with 'DefaultFormatBundle'" in str(refused(cfg))


def test_a_step_of_the_users_own_may_collect(
    awkward: CocoPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmdet.datasets.builder import PIPELINES
    from mmdet.datasets.pipelines import Collect

    class Gathered(Collect):  # type: ignore[misc]
        pass

    monkeypatch.setitem(PIPELINES.module_dict, "Gathered", Gathered)
    cfg = config(awkward, tmp_path / "work")
    cfg.data.train.pipeline = [*training()[:-1], {"type": "Gathered", "keys": ["img", "gt_bboxes", "gt_labels"]}]
    accepted(cfg)


def test_every_key_of_mmdetections_evaluation_is_known(awkward: CocoPair, tmp_path: Path) -> None:
    evaluation = {"metric": "bbox", "interval": 1, "start": 1, "save_best": "auto", "rule": None, "classwise": True}
    more = {"iou_thrs": [0.5], "metric_items": ["mAP"], "proposal_nums": (1, 10, 30), "dynamic_intervals": None}
    distributed = {"tmpdir": None, "gpu_collect": False}
    accepted(config(awkward, tmp_path / "work", evaluation={**evaluation, **more, **distributed}))


def test_the_wandb_hook_without_checkpoints(awkward: CocoPair, tmp_path: Path) -> None:
    cfg = config(
        awkward,
        tmp_path / "work",
        checkpoint_config=None,
        log_config={"interval": 1, "hooks": [{"type": "MMDetWandbHook"}]},
    )
    assert "'MMDetWandbHook' asks for checkpoints" in str(refused(cfg))


def test_tables_of_several_datasets(awkward: CocoPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", ModuleType("wandb"))
    hook = {"type": "MMDetWandbHook"}
    cfg = config(awkward, tmp_path / "work", log_config={"interval": 1, "hooks": [hook]})
    cfg.data.val = [cfg.data.val, cfg.data.val]
    said = str(refused(cfg))
    assert "'MMDetWandbHook' draws images of one dataset, and data.val has 2. Set its num_eval_images=0" in said
    cfg.log_config.hooks[0].num_eval_images = 0
    accepted(cfg)


@pytest.mark.parametrize("name", ["MMDetWandbHook", "WandbLoggerHook"])
def test_without_wandb_the_error_names_the_extra(
    awkward: CocoPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    cfg = config(awkward, tmp_path / "work", log_config={"interval": 1, "hooks": [{"type": name}]})
    error = refused(cfg, MissingExtraError)
    assert f"log_config.hooks: '{name}' needs the module 'wandb'" in str(error)
    assert "penstock[wandb]" in str(error)


def test_metrics_that_would_be_others_in_mmdetection(
    awkward: CocoPair, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cfg = config(awkward, tmp_path / "work")
    cfg.data.train.type = cfg.data.val.type = "LVISV1Dataset"
    accepted(cfg)
    (said,) = (record.getMessage() for record in caplog.records if "metrics of its own" in record.getMessage())
    assert said.startswith("data.val: MMDetection's 'LVISV1Dataset' has metrics of its own")
    assert said.endswith("deeplake_metrics_format='COCO'")
