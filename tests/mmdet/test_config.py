"""Configurations that cannot work are refused before anything is opened, in words that help."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.errors import ConfigError
from support.require import require

require("mmdet")

from penstock.integrations.mmdet.config import (  # noqa: E402
    check_config,
    loader_type_of,
    parse_loader,
    parse_split,
)

STEPS = [{"type": "LoadImageFromFile"}]


def config(**changes: Any) -> dict[str, Any]:
    complete = {
        "data": {"train": {"pipeline": STEPS, "deeplake_path": "x"}, "val": {}},
        "optimizer": {"type": "SGD"},
        "work_dir": "x",
        "total_epochs": 1,
    }
    return {key: value for key, value in {**complete, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"deeplake_dataloader_typ": "c++"},
            "'deeplake_dataloader_typ'. Did you mean 'deeplake_dataloader_type'?",
        ),
        (
            {"deeplake_dataloader_type": "c+"},
            "deeplake_dataloader_type: there is no 'c+'. Did you mean 'c++'?",
        ),
        ({"deeplake_dataloader_type": 3}, "deeplake_dataloader_type: there is no '3'"),
        ({"deeplake_metrics_format": "pascalvoc"}, "there is no 'pascalvoc'. Did you mean 'PascalVOC'?"),
        (
            {"deeplake_metrics_format": "COCOO"},
            "deeplake_metrics_format: there is no 'COCOO'. Did you mean 'COCO'?",
        ),
        ({"evaluation": {"metric": "mAP"}}, "'mAP' is a metric of deeplake_metrics_format='PascalVOC', not of 'COCO'"),
        (
            {"deeplake_metrics_format": "PascalVOC", "evaluation": {"metric": ["bbox"]}},
            "'bbox' is a metric of deeplake_metrics_format='COCO', not of 'PascalVOC'. Known are: 'mAP', 'recall'",
        ),
        ({"evaluation": {"metric_items": ["mAP_xl"]}}, "evaluation.metric_items: there is no 'mAP_xl'"),
        ({"evaluation": {"clas_wise": True}}, "evaluation: unknown key 'clas_wise'. Did you mean 'classwise'?"),
        ({"evaluation": {"eval_mode": "area"}}, "evaluation: unknown key 'eval_mode'"),
        (
            {"deeplake_metrics_format": "PascalVOC", "evaluation": {"eval_mode": "areas"}},
            "evaluation.eval_mode: there is no 'areas'. Did you mean 'area'?",
        ),
        ({"evaluation": {"metric": "box"}}, "evaluation.metric: there is no 'box'. Did you mean 'bbox'?"),
        ({"workflow": [("train", 1), ("test", 1)]}, "workflow: there is no 'test'. Known are: 'train', 'val'"),
        ({"optimizer": None}, "the configuration has no optimizer"),
        ({"total_epochs": None}, "the configuration has no runner"),
        ({"total_epochs": None, "runner": {"max_epochs": 2}}, "runner: a dict with a 'type' is needed"),
        (
            {"total_epochs": None, "runner": {"type": "EpochBasedRunner"}},
            "runner: 'EpochBasedRunner' has neither max_epochs nor max_iters",
        ),
        ({"workflow": ("train", 1)}, "workflow: a list of phases and their epochs is needed, got ('train', 1)"),
        ({"workflow": ["train"]}, "workflow: a list of phases and their epochs is needed, got ['train']"),
        ({"workflow": [("val", 1)]}, "workflow: it has no phase 'train'"),
        ({"total_epochs": "2"}, "runner.max_epochs must be an int of at least 0, got '2'"),
        ({"work_dir": ""}, "the configuration has no work_dir. work_dir='work_dirs/first'"),
        ({"data": [1]}, "the configuration has no data.train"),
        ({"evaluation": {"metric": 3}}, "evaluation.metric: a name or a list of names is needed, got 3"),
        ({"evaluation": "bbox"}, "evaluation: a dict is needed, got 'bbox'"),
        ({"seed": "3"}, "seed must be an int of at least 0, got '3'"),
        ({"evaluation": {"interval": "1"}}, "evaluation.interval must be an int of at least 1, got '1'"),
        ({"evaluation": {"start": -1}}, "evaluation.start must be an int of at least 0, got -1"),
        ({"evaluation": {"iou_thrs": 0.5}}, "evaluation.iou_thrs: a list is needed, got 0.5. Use [0.5]"),
        ({"evaluation": {"proposal_nums": (10,)}}, "evaluation.proposal_nums: three numbers are needed, got (10,)"),
        ({"evaluation": {"metric": "proposal_fast", "proposal_nums": 10}}, "proposal_nums: a list is needed, got 10"),
        ({"evaluation": {"save_best": "segm_mAP"}}, "evaluation.save_best: 'segm_mAP' is no figure of 'bbox'. Known"),
        ({"evaluation": {"save_best": "bbox_AP"}}, "'bbox_AP' is no figure of 'bbox'. Did you mean 'bbox_mAP'?"),
        (
            {"deeplake_metrics_format": "PascalVOC", "evaluation": {"save_best": "bbox_mAP"}},
            "'bbox_mAP' is no figure of 'mAP'",
        ),
        ({"data": {}}, "the configuration has no data.train"),
        ({"data": {"train": {}, "sample_per_gpu": 2}}, "'sample_per_gpu'. Did you mean 'samples_per_gpu'?"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_configurations(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_config(config(**changes), validate=True)
    assert message in str(caught.value)


def test_metrics_do_not_matter_without_validation() -> None:
    check_config(config(evaluation={"metric": "mAP"}), validate=False)


@pytest.mark.parametrize(
    ("metrics_format", "evaluation"),
    [
        ("COCO", {"metric": ["bbox", "segm", "proposal", "proposal_fast"], "classwise": True, "interval": 2}),
        ("COCO", {"save_best": "auto", "metric_items": "mAP", "iou_thrs": [0.5], "proposal_nums": [1, 10, 100]}),
        ("PascalVOC", {"metric": ["mAP", "recall"], "iou_thr": [0.5, 0.7], "eval_mode": "area"}),
        ("COCO", {"metric": "segm", "save_best": "segm_mAP_50", "start": 0, "metric_items": None}),
        ("COCO", {"metric_items": ["AR@100"], "save_best": "bbox_AR@100"}),
        ("COCO", {"metric": ["proposal_fast"], "proposal_nums": [10], "save_best": "AR@10"}),
        ("COCO", {"metric": None, "save_best": "1_bbox_mAP"}),
        ("PascalVOC", {"interval": 1, "save_best": "mAP"}),
        ("PascalVOC", {"metric": "recall", "proposal_nums": [5], "save_best": "recall@5@0.5"}),
    ],
)
def test_metrics_and_options_of_each_format(metrics_format: str, evaluation: dict[str, Any]) -> None:
    check_config(config(deeplake_metrics_format=metrics_format, evaluation=evaluation), validate=True)


@pytest.mark.parametrize("name", ["auto", "c++", "cpp", "python", "C++"])
def test_loader_types(name: str) -> None:
    assert loader_type_of({"deeplake_dataloader_type": name}) == name.lower()
    assert loader_type_of({}) == "auto"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"deeplake_pth": "x"}, "data.train: unknown key 'deeplake_pth'. Did you mean 'deeplake_path'?"),
        ({"deeplake_query": "select *"}, "unknown key 'deeplake_query'"),
        ({"proposal_file": "x.pkl"}, "'proposal_file' is not supported yet"),
        ({"pipeline": []}, "data.train: there is no pipeline"),
        ({"filter_empty_gt": "no"}, "data.train: filter_empty_gt must be True or False, got 'no'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_splits(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_split("data.train", {"pipeline": STEPS, **keys})
    assert message in str(caught.value)


def test_keys_have_to_be_a_dict() -> None:
    with pytest.raises(ConfigError, match=r"data\.train: a dict with a dataset's keys is needed"):
        parse_split("data.train", [{}])  # type: ignore[arg-type]


def test_keys_of_base_configurations_are_let_pass() -> None:
    split = parse_split("data.train", {"type": "CocoDataset", "ann_file": "x", "img_prefix": "y"}, STEPS)
    assert split.pipeline == STEPS
    openimages = {"label_file": "x", "image_level_ann_file": "y", "hierarchy_file": "z", "meta_file": "m"}
    assert parse_split("data.val", {"type": "OpenImagesDataset", **openimages}, STEPS).pipeline == STEPS
    assert parse_split("data.val", {"type": "CocoPanopticDataset", "ins_ann_file": "x"}, STEPS).pipeline == STEPS


def test_empty_values_of_deeplakes_examples_are_no_values() -> None:
    split = parse_split(
        "data.train",
        {
            "pipeline": STEPS,
            "deeplake_commit_id": "",
            "deeplake_view_id": "",
            "deeplake_credentials": {"token": None, "creds": None},
        },
    )
    assert (split.commit, split.view, split.credentials) == (None, None, None)


def test_loader_settings_go_from_general_to_special() -> None:
    data: dict[str, Any] = {"train": {}, "val": {}}
    defaults = parse_loader(data, "train")
    assert (defaults.batch_size, defaults.num_workers, defaults.shuffle) == (2, 2, True)
    data |= {"samples_per_gpu": 4, "workers_per_gpu": 3}
    assert (parse_loader(data, "train").batch_size, parse_loader(data, "train").num_workers) == (4, 3)
    assert (parse_loader(data, "val").batch_size, parse_loader(data, "val").num_workers) == (1, 3)
    data["train_dataloader"] = {"samples_per_gpu": 5, "persistent_workers": True}
    assert parse_loader(data, "train").batch_size == 5
    assert parse_loader(data, "train").options == {"persistent_workers": True}
    data["test_dataloader"] = {"samples_per_gpu": 7, "workers_per_gpu": 0}
    assert (parse_loader(data, "test").batch_size, parse_loader(data, "test").num_workers) == (7, 0)
    assert parse_loader(data, "val").batch_size == 1
    data["train"]["deeplake_dataloader"] = {"batch_size": 6, "num_workers": 0, "shuffle": False}
    special = parse_loader(data, "train")
    assert (special.batch_size, special.num_workers, special.shuffle) == (6, 0, False)


def test_validation_is_never_shuffled(caplog: pytest.LogCaptureFixture) -> None:
    data = {"val": {"deeplake_dataloader": {"shuffle": True, "batch_size": 3}}}
    settings = parse_loader(data, "val")
    assert (settings.batch_size, settings.shuffle) == (3, False)
    assert "shuffle is ignored" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be an int of at least 1, got 0"),
        ({"num_workers": -1}, "num_workers must be an int of at least 0, got -1"),
        ({"batch_size": "4"}, "batch_size must be an int of at least 1, got '4'"),
        ({"prefetch_factor": 0}, "prefetch_factor must be an int of at least 1, got 0"),
        ({"shuffle": "no"}, "data.train: shuffle must be True, False or one of 'chunk', 'full', got 'no'"),
        ({"shuffle": 1}, "data.train: shuffle must be True, False or one of 'chunk', 'full', got 1"),
        ({"read_ahead_bytes": -1}, "read_ahead_bytes must be an int of at least 0, got -1"),
        ({"cache_size": "many"}, "data.train: cache_size must be a number of bytes, or text such as '50GB'"),
        ({"cache_dir": 3}, "data.train: cache_dir must be a path, got 3"),
        ({"cache": "pixels"}, "data.train: cache must be None or 'coefficients', got 'pixels'"),
        ({"cache_bytes": "2GB"}, "it needs cache='coefficients'"),
        ({"cache": "coefficients", "cache_bytes": "2GB", "cache_dir": "x"}, "leave one of them out"),
        ({"shuffle_window": 0}, "data.train: shuffle_window must be an int of at least 1, got 0"),
        ({"pin_memory": 1}, "data.train: pin_memory must be True or False, got 1"),
        ([4], "data.train.deeplake_dataloader: a dict is needed, got [4]"),
        (
            {"bach_size": 4},
            "data.train.deeplake_dataloader: unknown key 'bach_size'. Did you mean 'batch_size'?",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_wrong_loader_settings(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_loader({"train": {"deeplake_dataloader": options}}, "train")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"cache_dir": "/scratch/penstock", "cache_size": "50 GiB"},
        {"cache": "coefficients", "cache_bytes": "2GB"},
        {"cache": "coefficients", "cache_dir": "/scratch/penstock"},
    ],
    ids=str,
)
def test_caches_are_handed_on(options: dict[str, Any]) -> None:
    settings = parse_loader({"train": {"deeplake_dataloader": options}}, "train")
    assert settings.options == options


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"deeplake_path": "s3://key:secret@data/voc-2012-val"}, "eval_mode='area' says, because of 'voc-2012' in"),
        ({"img_prefix": "data/VOC2007/"}, "eval_mode='11points' says, because of 'VOC2007' in its img_prefix"),
        ({"deeplake_path": "data/pictures2012"}, None),
        ({"deeplake_path": "data/VOC2012", "test_mode": False}, None),
        ({"deeplake_path": "data/VOC2012", "deeplake_metrics_format": "COCO"}, None),
    ],
    ids=str,
)
def test_it_is_said_when_a_name_of_a_path_decides_how_precision_is_averaged(
    keys: dict[str, Any], said: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="penstock")
    parse_split("data.val", {"test_mode": True, "deeplake_metrics_format": "PascalVOC", **keys}, STEPS)
    if said is None:
        assert caplog.messages == []
    else:
        (message,) = caplog.messages
        assert message.startswith("data.val: precision is averaged") and said in message
        assert "secret" not in message


def test_bad_samples_are_a_matter_of_training() -> None:
    data = {"train": {"deeplake_dataloader": {"on_error": "skip:1%"}}}
    assert parse_loader(data, "train").options["on_error"] == "skip:1%"
    with pytest.raises(ConfigError, match=r"data.val: on_error is for training"):
        parse_loader({"val": data["train"]}, "val")
    with pytest.raises(ConfigError, match=r"data.train: on_error must be 'raise', 'skip'"):
        parse_loader({"train": {"deeplake_dataloader": {"on_error": "ignore"}}}, "train")
