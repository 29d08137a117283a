"""What penstock view shows of a pipeline is what training sees of the same sample, seed and epoch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError
from support.coco_lakes import CocoPair
from support.mmdet3_runs import own_config

STEPS = [
    {"type": "RandomFlip", "prob": 0.5},
    {"type": "PhotoMetricDistortion"},
    {"type": "RandomCrop", "crop_size": (48, 48), "allow_negative_crop": True},
]


@pytest.fixture
def pair(coco_pair: Callable[[str], CocoPair]) -> CocoPair:
    return coco_pair("polygon masks")


def configured(pair: CocoPair, tmp_path: Path, loader_type: str = "c++") -> Any:
    cfg = own_config(pair, tmp_path, masks=True)
    pipeline = cfg.train_dataloader.dataset.pipeline
    cfg.train_dataloader.dataset.pipeline = [*pipeline[:-1], *STEPS, pipeline[-1]]
    cfg.train_dataloader.dataset.deeplake_dataloader_type = loader_type
    cfg.train_dataloader.dataset.deeplake_path = "nowhere"
    return cfg


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_it_is_what_training_sees(loader_type: str, pair: CocoPair, native: Any, tmp_path: Path) -> None:
    from penstock.integrations.mmdet3.building import build_dataloader
    from penstock.integrations.mmdet3.looking.single import SampleLooker

    cfg = configured(pair, tmp_path, loader_type)
    looker = SampleLooker(cfg, penstock.open(pair.lake), 5)
    assert cfg.train_dataloader.dataset.deeplake_path == "nowhere"
    cfg.train_dataloader.dataset.deeplake_path = str(pair.lake)
    seen = 0
    with build_dataloader(cfg.train_dataloader, seed=5) as loader:
        loader.set_epoch(2)
        for batch in loader:
            for image, sample in zip(batch["inputs"], batch["data_samples"], strict=True):
                index = loader.leaves[0].index_of(sample.img_id, sample.img_path)
                assert index is not None
                (shown,) = looker.shown(index, 2)
                assert shown.index == index
                pixels = np.clip(np.rint(image.numpy()), 0, 255).astype(np.uint8)
                np.testing.assert_array_equal(shown.pixels, pixels.transpose(1, 2, 0)[..., ::-1])
                boxes = sample.gt_instances.bboxes
                np.testing.assert_array_equal(shown.boxes, getattr(boxes, "tensor", boxes).numpy())
                names = loader.classes
                assert list(shown.labels) == [names[label] for label in sample.gt_instances.labels.tolist()]
                assert shown.masks is not None
                np.testing.assert_array_equal(shown.masks, sample.gt_instances.masks.to_ndarray().astype(bool))
                seen += 1
    assert seen > 3
    index = int(loader.leaves[0].indices[0])
    views = [looker.shown(index, epoch)[0].pixels for epoch in range(4)]
    assert any(not np.array_equal(views[0], view) for view in views[1:])


def test_what_cannot_be_shown(pair: CocoPair, tmp_path: Path) -> None:
    from penstock.integrations.mmdet3.looking.single import SampleLooker, read_config

    dataset = penstock.open(pair.lake)
    looker = SampleLooker(configured(pair, tmp_path), dataset, 0)
    left_out = set(range(len(dataset))) - set(looker._items.indices.tolist())
    assert left_out, "the dataset has an image without boxes"
    with pytest.raises(ConfigError, match="this split leaves sample"):
        looker.shown(min(left_out), 0)
    cfg = configured(pair, tmp_path)
    cfg.train_dataloader.dataset.type = "CocoDataset"
    with pytest.raises(ConfigError, match="has 0 datasets of the type 'DeepLakeDetDataset'"):
        SampleLooker(cfg, dataset, 0)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "nothing.py")
    (tmp_path / "cfg.py").write_text("a = 1")
    with pytest.raises(ConfigError, match="has no train_dataloader"):
        read_config(tmp_path / "cfg.py")
