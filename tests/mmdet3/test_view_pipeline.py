"""What penstock view shows of a pipeline is what training sees of the same sample, seed and epoch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError
from support.browser import open_page
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


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_of_validation_the_datasets_boxes_lie_where_the_pipeline_has_moved_the_image(
    split: str, loader_type: str, pair: CocoPair, native: Any, tmp_path: Path
) -> None:
    from penstock.integrations.mmdet3.building import build_dataloader
    from penstock.integrations.mmdet3.looking.single import SampleLooker

    cfg = own_config(pair, tmp_path, masks=True)
    loader_cfg = cfg[f"{split}_dataloader"]
    loader_cfg.dataset.deeplake_dataloader_type = loader_type
    looker = SampleLooker(cfg, penstock.open(pair.lake), 0, split=split)
    seen, masks = 0, 0
    with build_dataloader(loader_cfg, seed=0) as loader:
        for batch in loader:
            for image, sample in zip(batch["inputs"], batch["data_samples"], strict=True):
                index = loader.leaves[0].index_of(sample.img_id, sample.img_path)
                (shown,) = looker.shown(index, 0)
                assert shown.index == index
                np.testing.assert_array_equal(shown.pixels, image.numpy().transpose(1, 2, 0)[..., ::-1])
                # This pipeline loads annotations after the resize, which then leaves them where they are.
                along = np.tile(sample.scale_factor, 2)
                assert not np.allclose(along, 1)
                stored, ignored = sample.gt_instances, sample.ignored_instances
                np.testing.assert_allclose(shown.boxes, stored.bboxes.numpy() * along, rtol=1e-5)
                np.testing.assert_allclose(shown.ignored, ignored.bboxes.numpy() * along, rtol=1e-5)
                names = loader.classes
                assert list(shown.labels) == [names[label] for label in stored.labels.tolist()]
                if shown.masks is not None:
                    # MMDetection's own resizing is of outlines, and this one of pixels.
                    moved = stored.masks.resize(image.shape[1:]).to_ndarray().astype(bool)
                    assert shown.masks.shape == moved.shape
                    for own, theirs in zip(shown.masks, moved, strict=True):
                        if theirs.sum() > 100:
                            assert (own & theirs).sum() / (own | theirs).sum() > 0.8
                            masks += 1
                seen += 1
    # Images without boxes are among them, which training leaves out.
    assert seen == len(penstock.open(pair.lake))
    assert masks > 3


def test_the_page_shows_the_validation_of_a_configuration(pair: CocoPair, native: Any, tmp_path: Path) -> None:
    """In a browser, by the command as a person starts it."""
    cfg = own_config(pair, tmp_path, masks=True)
    (tmp_path / "cfg.py").write_text(cfg.pretty_text)
    command = [sys.executable, "-m", "penstock", "view", str(pair.lake), "--no-browser", "--split", "val"]
    command += ["--config", str(tmp_path / "cfg.py")]
    log = tmp_path / "log.txt"
    with log.open("w") as errors, subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=errors, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().rpartition(" ")[2].strip()
            assert url.startswith("http://"), log.read_text()
            image = "document.querySelector('#fed-pictures img')"
            with open_page(f"{url}#sample=0", tmp_path) as page:
                page.wait_for(image + " && document.querySelector('#fed-pictures rect.box')")
                page.wait_for(image + ".naturalWidth > 0")
                sides = page.run("(({naturalWidth, naturalHeight}) => [naturalWidth, naturalHeight])(" + image + ")")
                # What Resize makes of it; the image in the dataset is smaller.
                assert max(sides) == 96 or min(sides) == 64
                assert "val_dataloader" in page.run("document.body.textContent")
                assert page.errors == []
        finally:
            process.terminate()


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
    for split in ("train", "val", "test"):
        with pytest.raises(ConfigError, match=f"has no {split}_dataloader"):
            read_config(tmp_path / "cfg.py", split)
