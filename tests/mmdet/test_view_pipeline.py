"""What penstock view shows of a pipeline is what training sees of the same sample, seed and epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError
from support.coco_lakes import CocoPair
from support.detection import augmenting


@pytest.fixture
def cfg(mmdet: Any) -> Any:
    from mmcv import Config

    data = {"samples_per_gpu": 4, "workers_per_gpu": 2, "train": {"pipeline": augmenting()}}
    return Config({"data": data, "seed": 3})


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_it_is_what_training_sees(loader_type: str, cfg: Any, awkward: CocoPair, native: Any) -> None:
    from penstock.integrations.mmdet import split_loader
    from penstock.integrations.mmdet.looking.pictures import first_samples
    from penstock.integrations.mmdet.looking.single import SampleLooker

    cfg.deeplake_dataloader_type = loader_type
    dataset = penstock.open(awkward.lake)
    options: dict[str, Any] = {"shuffle": True, "seed": 3, "workers_per_gpu": 0, "persistent_workers": False}
    with split_loader.build_split_loader(cfg, "train", dataset, **options) as loader:
        loader.set_epoch(2)
        trained = first_samples(loader, 6)  # type: ignore[arg-type]
    with SampleLooker(cfg, "train", dataset, 3) as looker:
        for wanted in reversed(trained):
            (shown,) = looker.shown(wanted.index, 2)
            assert shown.index == wanted.index
            np.testing.assert_array_equal(shown.boxes, wanted.boxes)
            assert list(shown.labels) == list(wanted.labels)
            # A batch pads its images to one size.
            height, width = shown.pixels.shape[:2]
            np.testing.assert_array_equal(shown.pixels, wanted.pixels[:height, :width])
        assert any(
            not np.array_equal(looker.shown(each.index, 0)[0].boxes, looker.shown(each.index, 1)[0].boxes)
            for each in trained
        )


def test_a_sample_that_training_leaves_out(cfg: Any, awkward: CocoPair) -> None:
    from penstock.integrations.mmdet.looking.single import SampleLooker

    with SampleLooker(cfg, "train", penstock.open(awkward.lake), 0) as looker:
        left_out = set(range(len(penstock.open(awkward.lake)))) - set(looker._whole.items.indices.tolist())
        assert left_out, "the dataset has an image without boxes"
        with pytest.raises(ConfigError, match="this split leaves sample"):
            looker.shown(min(left_out), 0)
