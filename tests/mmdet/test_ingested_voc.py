"""What ingest-voc and ingest-yolo write trains as it is: against MMDetection's own dataset on the same files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock.ingest import ingest_voc, ingest_yolo
from support.detection import LOAD, training
from support.image_folders import yolo_folder
from support.voc_lakes import NAMES, VocPair, stock_voc, write_voc


@pytest.fixture(scope="module")
def ingested(deeplake: Any, mmdet: Any, tmp_path_factory: pytest.TempPathFactory) -> VocPair:
    folder = tmp_path_factory.mktemp("ingested")
    pair = write_voc(folder)
    ingest_voc(pair.root, folder / "ingested", split="test")
    return VocPair(pair.root, folder / "ingested")


@pytest.mark.parametrize(
    "options", [{}, {"min_size": 12}, {"filter_empty_gt": False}, {"classes": ("dog", "emu")}], ids=str
)
def test_annotations_are_stocks(ingested: VocPair, options: dict[str, Any]) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    stock = stock_voc(ingested, LOAD, **options)
    settings = {"pipeline": LOAD, "deeplake_path": str(ingested.lake), "deeplake_metrics_format": "PascalVOC"}
    own = mmdet_deeplake.build_dataset({"classes": NAMES, **settings, **options})
    assert [info["filename"] for info in own.data_infos] == [info["filename"] for info in stock.data_infos]
    for index in range(len(stock)):
        expected, found = stock.get_ann_info(index), own.get_ann_info(index)
        for key in expected:
            np.testing.assert_array_equal(found[key], expected[key])


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_yolo_files_make_batches(loader_type: str, native: Any, deeplake: Any, mmdet: Any, tmp_path: Path) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    ingest_yolo(yolo_folder(tmp_path / "set", 8, polygons=True), tmp_path / "out")
    own = mmdet_deeplake.build_dataset({"pipeline": training(1.0), "deeplake_path": str(tmp_path / "out")})
    with mmdet_deeplake.build_dataloader(own, 2, 0, seed=2, loader_type=loader_type) as loader:
        boxes = [image for batch in loader for image in batch["gt_bboxes"].data[0]]
    assert sum(len(each) for each in boxes) > 0
    assert tuple(own.CLASSES) == ("Füchse", "cat", "<b>dog</b>")
