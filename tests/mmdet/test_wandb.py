"""MMDetection's own hook for Weights & Biases, as it stands, on Deep Lake datasets: what a run leaves to be sent.

Runs are offline: no account is needed, and nothing leaves the machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from support.coco_lakes import CocoPair
from support.detection import TEST_PIPELINE, stock_dataset
from support.lake import new_lake, open_lake
from support.require import require
from support.small_training import CLASSES, config, log_of, losses, seeded_detector
from support.wandb_runs import OfflineRun, StagedTable, offline_wandb

require("mmdet")
require("wandb")

from mmcv.runner import HOOKS, Hook  # noqa: E402

pytestmark = pytest.mark.timeout(240)

#: Between the scores of the small detector, which are nearly equal.
THRESHOLD = 0.00022185


@HOOKS.register_module(force=True)
class KeepsResults(Hook):  # type: ignore[misc]
    """Keeps the results of each evaluation."""

    kept: list[Any] = []  # noqa: RUF012

    def after_train_epoch(self, runner: Any) -> None:
        from mmdet.core import EvalHook

        self.kept += [hook.latest_results for hook in runner.hooks if isinstance(hook, EvalHook)]


@pytest.fixture
def results_of_epochs() -> Any:
    KeepsResults.kept.clear()
    yield KeepsResults.kept
    KeepsResults.kept.clear()


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with offline_wandb(tmp_path / "wandb", monkeypatch):
        yield tmp_path / "wandb"


def run_config(pair: CocoPair, work_dir: Path, **hook: Any) -> Any:
    hooks = [{"type": "TextLoggerHook"}]
    if hook:
        hooks.append({"type": "MMDetWandbHook", "init_kwargs": {"project": "tests", "name": "small"}, **hook})
    return config(
        pair,
        work_dir,
        runner={"type": "EpochBasedRunner", "max_epochs": 2},
        log_config={"interval": 1, "hooks": hooks},
        custom_hooks=[{"type": "KeepsResults", "priority": "VERY_LOW"}],
    )


def train(cfg: Any, **options: Any) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    mmdet_deeplake.train_detector(seeded_detector(cfg), cfg, timestamp="log", **options)


def shuffled(count: int) -> list[int]:
    """The order in which the hook takes images."""
    order = np.arange(count)
    np.random.RandomState(42).shuffle(order)
    return [int(index) for index in order]


def boxes_of(cell: dict[str, Any], layer: str) -> list[tuple[Any, ...]]:
    corners = ("minX", "minY", "maxX", "maxY")
    return [
        (*(box["position"][corner] for corner in corners), box["class_id"], box["box_caption"])
        for box in cell["boxes"][layer]
    ]


def expected_boxes(boxes: Any, labels: Any) -> list[tuple[Any, ...]]:
    """As the hook writes them: whole pixels, classes from 1."""
    scores = [f" {box[4]:.2f}" if len(box) == 5 else "" for box in boxes]
    return [
        (*(int(value) for value in box[:4]), int(label) + 1, CLASSES[int(label)] + score)
        for box, label, score in zip(boxes, labels, scores, strict=True)
    ]


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_tables_checkpoints_and_facts(
    loader_type: str, native: Any, awkward: CocoPair, tmp_path: Path, offline: Path, results_of_epochs: list[Any]
) -> None:
    work_dir = tmp_path / "work"
    cfg = run_config(
        awkward,
        work_dir,
        log_checkpoint=True,
        log_checkpoint_metadata=True,
        num_eval_images=100,
        bbox_score_thr=THRESHOLD,
    )
    cfg.deeplake_dataloader_type = loader_type
    train(cfg, meta={"exp_name": "small_yolo.py"})
    run = OfflineRun(offline)

    dataset = penstock.open(awkward.lake)
    order = shuffled(len(dataset))
    check_ground_truth(run.staged_table(["image_name", "image"]), awkward, dataset, order)
    models = [artifact for artifact in run.artifacts if artifact.type == "model"]
    tables = [artifact for artifact in run.artifacts if artifact.type == "evaluation"]
    metrics = [line for line in log_of(cfg) if line["mode"] == "val"]
    assert len(models) == len(tables) == len(results_of_epochs) == len(metrics) == 2
    for epoch, (model, table) in enumerate(zip(models, tables, strict=True), start=1):
        check_predictions(table.table("eval_data"), awkward, dataset, order, results_of_epochs[epoch - 1])
        assert sorted(table.aliases) == [f"epoch_{epoch}", "latest"]
        check_checkpoint(model, work_dir, epoch, metrics[epoch - 1])
    check_config(run, cfg, loader_type, dataset)
    assert sum("val/bbox_mAP" in step for step in run.history) == 2
    # mmcv's hook counts an evaluation as a step, and wandb drops what comes twice to one step.
    logged = {number: loss for number, loss in enumerate(losses(log_of(cfg)), start=1) if number != 5}
    assert {step["_step"]: step["train/loss"] for step in run.history if "train/loss" in step} == pytest.approx(logged)


def check_ground_truth(table: StagedTable, pair: CocoPair, dataset: Any, order: list[int]) -> None:
    stock = stock_dataset(pair, [], test_mode=True)
    assert len(table.rows) == len(order)
    for row, index in enumerate(order):
        annotations = stock.get_ann_info(index)
        cell = table.image(row, "image")
        assert table.rows[row][0] == stock.data_infos[index]["filename"]
        assert boxes_of(cell, "ground_truth") == expected_boxes(annotations["bboxes"], annotations["labels"])
        # This dataset has no masks.
        assert not cell.get("masks")
        np.testing.assert_array_equal(table.pixels(cell), dataset["images"].read(index, "rgb"))
    assert sum(len(boxes_of(table.image(row, "image"), "ground_truth")) for row in range(len(order))) > 20


def check_predictions(
    table: StagedTable, pair: CocoPair, dataset: Any, order: list[int], results: list[Any]
) -> None:
    stock = stock_dataset(pair, [], test_mode=True)
    assert len(table.rows) == len(order) == len(results)
    drawn = 0
    for row, index in enumerate(order):
        truth, predicted = table.image(row, "ground_truth"), table.image(row, "prediction")
        annotations = stock.get_ann_info(index)
        assert boxes_of(truth, "ground_truth") == expected_boxes(annotations["bboxes"], annotations["labels"])
        boxes, labels = (
            np.concatenate(results[index]),
            np.concatenate([np.full(len(each), label) for label, each in enumerate(results[index])]),
        )
        above = boxes[:, 4] > THRESHOLD
        assert boxes_of(predicted, "predictions") == expected_boxes(boxes[above], labels[above])
        np.testing.assert_array_equal(table.pixels(predicted), dataset["images"].read(index, "rgb"))
        drawn += int(above.sum())
    # The threshold parts them.
    assert 0 < drawn < sum(len(boxes) for result in results for boxes in result)


def check_checkpoint(model: Any, work_dir: Path, epoch: int, metrics: dict[str, Any]) -> None:
    assert list(model.files) == [f"epoch_{epoch}.pth"]
    assert sorted(model.aliases) == [f"epoch_{epoch}", "latest"]
    assert model.files[f"epoch_{epoch}.pth"].read_bytes() == (work_dir / f"epoch_{epoch}.pth").read_bytes()
    measured = {key: value for key, value in metrics.items() if key.startswith("bbox_")}
    assert measured and model.metadata == {"epoch": epoch, **measured}


def check_config(run: OfflineRun, cfg: Any, loader_type: str, dataset: Any) -> None:
    facts = run.config["deeplake"]
    assert facts["metrics_format"] == "COCO"
    for split, samples in (("train", 12), ("val", 16)):
        (found,) = facts[split]["datasets"]
        assert (facts[split]["loader_type"], found["samples"]) == (loader_type, samples)
        assert (found["path"], found["commit_id"], found["view_id"]) == (dataset.path, dataset.commit_id, None)
        assert found["fingerprint"] == dataset.fingerprint()
        mapping = {"img": "images", "gt_bboxes": "boxes", "gt_labels": "categories"}
        assert mapping.items() <= found["tensors"].items()
    # The hook logs the configuration's file, which is written for it.
    assert "small_yolo.py" in run.saved
    assert run.config["optimizer"] == {"type": "SGD", "lr": 0.0001, "momentum": 0.9}


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_the_hook_changes_nothing_of_the_training(
    loader_type: str, native: Any, awkward: CocoPair, tmp_path: Path, offline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It seeds numpy's global generator, and evaluates a second time for the metadata."""
    logs = []
    for name, hook in (("plain", {}), ("hooked", {"log_checkpoint": True, "log_checkpoint_metadata": True})):
        cfg = run_config(awkward, tmp_path / name, **({"num_eval_images": 3, **hook} if hook else {}))
        cfg.deeplake_dataloader_type = loader_type
        train(cfg)
        logs.append(log_of(cfg))
    metrics = [[line["bbox_mAP_copypaste"] for line in log if line["mode"] == "val"] for log in logs]
    assert len(losses(logs[0])) == 8
    assert losses(logs[0]) == losses(logs[1])
    assert metrics[0] == metrics[1]
    assert len(OfflineRun(offline).staged_table(["image_name", "image"]).rows) == 3


def test_a_silent_evaluation_says_nothing_and_repeats(awkward: CocoPair, capfd: pytest.CaptureFixture[str]) -> None:
    from penstock.integrations.mmdet import build_dataset

    dataset = build_dataset({"deeplake_path": str(awkward.lake), "pipeline": TEST_PIPELINE, "test_mode": True})
    rng = np.random.default_rng(0)
    results = []
    for _ in range(len(dataset)):
        boxes = np.concatenate((rng.uniform(0, 30, (8, 2)), rng.uniform(30, 60, (8, 2)), rng.random((8, 1))), axis=1)
        results.append(np.split(boxes.astype(np.float32), 4))
    first = dataset.evaluate(results, logger="silent", metric=["bbox"])
    assert capfd.readouterr().out == ""
    assert dataset.evaluate(results, logger="silent", metric=["bbox"]) == first
    assert first["bbox_mAP"] > 0


SIZE = (40, 50)
#: Of each image its objects: class, and rows and columns of a rectangle that is box and mask.
OBJECTS = [
    [(0, (5, 15), (10, 30)), (0, (12, 22), (25, 40)), (2, (20, 36), (3, 12))],
    [],
    [(3, (0, 40), (0, 50))],
    [(1, (30, 38), (40, 49)), (2, (1, 9), (2, 8)), (1, (2, 8), (30, 44))],
]


def write_masks(path: Path, kind: str) -> Path:
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="png")
        lake.create_tensor("boxes", htype="bbox", coords={"type": "pixel", "mode": "LTRB"})
        lake.create_tensor("labels", htype="class_label", class_names=list(CLASSES))
        lake.create_tensor("areas", dtype="float64")
        if kind == "polygon":
            lake.create_tensor("masks", htype="polygon")
        else:
            lake.create_tensor("masks", htype="binary_mask", sample_compression="lz4")
        for number, objects in enumerate(OBJECTS):
            lake.images.append(np.random.default_rng(number).integers(0, 256, (*SIZE, 3), dtype=np.uint8))
            corners = [(left, top, right, bottom) for _, (top, bottom), (left, right) in objects]
            lake.boxes.append(np.array(corners, np.float32).reshape(-1, 4))
            lake.labels.append(np.array([label for label, _, _ in objects], np.uint32))
            lake.areas.append(np.array([float(bitmap(*each).sum()) for each in objects]))
            if kind == "polygon":
                lake.masks.append([outline(*corner) for corner in corners])
            else:
                bitmaps = [bitmap(*each) for each in objects]
                lake.masks.append(np.stack(bitmaps, axis=-1) if bitmaps else np.zeros((*SIZE, 0), bool))
    return path


def outline(left: int, top: int, right: int, bottom: int) -> Any:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def bitmap(_: int, rows: tuple[int, int], columns: tuple[int, int]) -> Any:
    mask = np.zeros(SIZE, bool)
    mask[slice(*rows), slice(*columns)] = True
    return mask


class Knows(torch.nn.Module):
    """Has learnt the images' objects by heart: finds each, some with a low score, and its mask a pixel lower."""

    CLASSES = None

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def train_step(self, data: Any, optimizer: Any) -> dict[str, Any]:
        loss = (self.weight - 1).square().sum()
        return {"loss": loss, "log_vars": {"loss": loss.item()}, "num_samples": 1}

    def forward(self, img: Any, img_metas: Any, return_loss: bool, rescale: bool) -> Any:
        (metas,) = img_metas
        return [self.found(int(Path(meta["filename"]).stem)) for meta in metas]

    @staticmethod
    def found(number: int) -> tuple[list[Any], list[Any]]:
        boxes: list[Any] = [np.zeros((0, 5), np.float32) for _ in CLASSES]
        masks: list[list[Any]] = [[] for _ in CLASSES]
        for position, (label, rows, columns) in enumerate(OBJECTS[number]):
            row = [columns[0], rows[0], columns[1], rows[1], score_of(position)]
            boxes[label] = np.concatenate((boxes[label], np.array([row], np.float32)))
            masks[label].append(lower(bitmap(label, rows, columns)))
        return boxes, masks


def score_of(position: int) -> float:
    return 0.9 if position != 1 else 0.2


def lower(mask: Any) -> Any:
    return np.roll(mask, 1, axis=0)


@pytest.mark.parametrize(("kind", "loader_type"), [("polygon", "c++"), ("binary_mask", "python")])
def test_masks(
    kind: str, loader_type: str, native: Any, deeplake: Any, tmp_path: Path, offline: Path, monkeypatch: Any
) -> None:
    """Of the ground truth and of predictions, in one bitmap a class."""
    from penstock.integrations import mmdet as mmdet_deeplake

    path = write_masks(tmp_path / "lake", kind)
    pair = CocoPair(tmp_path, tmp_path, path)
    cfg = run_config(pair, tmp_path / "work", num_eval_images=4, bbox_score_thr=0.3)
    cfg.deeplake_dataloader_type = loader_type
    cfg.runner.max_epochs = 1
    mmdet_deeplake.train_detector(Knows(), cfg, timestamp="log")
    run = OfflineRun(offline)
    truth = run.staged_table(["image_name", "image"])
    (artifact,) = [artifact for artifact in run.artifacts if artifact.type == "evaluation"]
    table = artifact.table("eval_data")
    for row, number in enumerate(shuffled(len(OBJECTS))):
        objects = OBJECTS[number]
        assert masks_of(truth, truth.image(row, "image")) == united(objects, [bitmap(*each) for each in objects])
        assert masks_of(table, table.image(row, "ground_truth")) == masks_of(truth, truth.image(row, "image"))
        found = [each for position, each in enumerate(objects) if score_of(position) > 0.3]
        predicted = table.image(row, "prediction")
        assert masks_of(table, predicted) == united(found, [lower(bitmap(*each)) for each in found])
        assert len(predicted["boxes"]["predictions"]) == len(found)


def masks_of(table: StagedTable, cell: dict[str, Any]) -> dict[str, Any]:
    """Of each class the pixels that are not 0, and their value."""
    return {
        name: (np.unique(pixels).tolist(), np.argwhere(pixels).tolist())
        for name, mask in (cell.get("masks") or {}).items()
        for pixels in [table.pixels(mask)]
    }


def united(objects: list[Any], masks: list[Any]) -> dict[str, Any]:
    joined: dict[int, Any] = {}
    for (label, _, _), mask in zip(objects, masks, strict=True):
        joined[label] = joined.get(label, False) | mask
    return {
        CLASSES[label]: (sorted({0, label + 1} if not mask.all() else {label + 1}), np.argwhere(mask).tolist())
        for label, mask in joined.items()
    }


def test_facts_of_views_and_of_the_plain_logger(awkward: CocoPair, tmp_path: Path, offline: Path) -> None:
    """mmcv's own hook gets them as well; secrets stay out of what is sent."""
    path = Path(shutil.copytree(awkward.lake, tmp_path / "lake"))
    with open_lake(path, read_only=False) as lake:
        commit = lake.commit("all of it")
        lake[2:6].save_view(id="few")
    cfg = run_config(CocoPair(tmp_path, tmp_path, path), tmp_path / "work")
    cfg.log_config.hooks.append({"type": "WandbLoggerHook", "log_artifact": False})
    cfg.deeplake_dataloader_type = "python"
    cfg.runner.max_epochs = 1
    cfg.data.train.update(deeplake_view_id="few", deeplake_credentials={"token": "secret"})
    cfg.data.val.deeplake_commit_id = commit
    train(cfg, validate=False, meta={"exp_name": "small_yolo.py"})
    facts = OfflineRun(offline).config["deeplake"]
    (found,) = facts["train"]["datasets"]
    assert (found["view_id"], found["commit_id"], found["path"]) == ("few", commit, str(path))
    assert set(facts) == {"train", "metrics_format"}


def test_the_facts_are_logged_without_wandb(
    awkward: CocoPair, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cfg = run_config(awkward, tmp_path / "work")
    cfg.deeplake_dataloader_type = "python"
    cfg.runner.max_epochs = 1
    train(cfg, meta={"exp_name": "small_yolo.py"})
    (line,) = [message for message in caplog.messages if message.startswith("Deep Lake: ")]
    commit = penstock.open(awkward.lake).commit_id
    for split in ("train", "val"):
        assert f"{split} with the python loader: {awkward.lake} (commit {commit}, " in line
    assert "img=images, gt_bboxes=boxes, gt_labels=categories" in line
    # No hook asks for the configuration's file.
    assert not (tmp_path / "work" / "small_yolo.py").exists()


def test_the_configuration_is_written_without_secrets_and_never_over_another(
    awkward: CocoPair, tmp_path: Path
) -> None:
    from mmcv import Config

    from penstock.integrations.mmdet.training.wandb_facts import keep_config

    cfg = run_config(awkward, tmp_path / "work", num_eval_images=1)
    cfg.data.train.deeplake_credentials = {"token": "secret"}
    keep_config(cfg, {"exp_name": "small_yolo.py"})
    path = tmp_path / "work" / "small_yolo.py"
    written = Config.fromfile(path)
    assert written.data.train.deeplake_credentials is None
    assert "secret" not in path.read_text()
    assert cfg.data.train.deeplake_credentials == {"token": "secret"}
    written.data.train.deeplake_credentials = cfg.data.train.deeplake_credentials
    assert written._cfg_dict.to_dict() == cfg._cfg_dict.to_dict()
    path.write_text("its = 'own'")
    keep_config(cfg, {"exp_name": "small_yolo.py"})
    assert path.read_text() == "its = 'own'"
    for meta in (None, {}, {"exp_name": "../up.py"}, {"exp_name": "no_suffix"}):
        keep_config(cfg, meta)
    assert [entry.name for entry in (tmp_path / "work").iterdir()] == ["small_yolo.py"]
    cfg.custom_hooks = [object()]
    (tmp_path / "work" / "small_yolo.py").unlink()
    keep_config(cfg, {"exp_name": "small_yolo.py"})
    assert list((tmp_path / "work").iterdir()) == []


def test_iterations_in_place_of_epochs(awkward: CocoPair, tmp_path: Path, offline: Path) -> None:
    hook = {"by_epoch": False, "log_checkpoint": True, "log_checkpoint_metadata": True, "num_eval_images": 4}
    cfg = run_config(awkward, tmp_path / "work", **hook)
    cfg.log_config.hooks[0].by_epoch = False
    cfg.runner = {"type": "IterBasedRunner", "max_iters": 4}
    cfg.evaluation = {"metric": "bbox", "interval": 2}
    cfg.checkpoint_config = {"interval": 2, "by_epoch": False}
    cfg.custom_hooks = []
    cfg.deeplake_dataloader_type = "python"
    train(cfg)
    artifacts = OfflineRun(offline).artifacts
    assert [(artifact.type, sorted(artifact.aliases)) for artifact in artifacts] == [
        ("model", ["iter_2", "latest"]),
        ("evaluation", ["iter_2", "latest"]),
        ("model", ["iter_4", "latest"]),
        ("evaluation", ["iter_4", "latest"]),
    ]
    assert [artifact.metadata["iter"] for artifact in artifacts[::2]] == [2, 4]
    assert all(len(artifact.table("eval_data").rows) == 4 for artifact in artifacts[1::2])
