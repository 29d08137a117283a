"""Results in COCO's json files, equal to those of MMDetection's own dataset."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.coco_lakes import CocoPair
from support.detection import LOAD, stock_dataset
from support.detections import detections, proposals, segmented

RESULTS: dict[str, Callable[..., Any]] = {"bbox": detections, "segm": segmented, "proposal": proposals}


def both(pair: CocoPair, **options: Any) -> tuple[Any, Any]:
    from penstock.integrations import mmdet as mmdet_deeplake

    settings = {"deeplake_path": str(pair.lake), "pipeline": LOAD, **options}
    stock = stock_dataset(pair, LOAD, test_mode=True, **options)
    return stock, mmdet_deeplake.build_dataset(settings, {"test_mode": True})


@pytest.mark.parametrize("options", [{}, {"classes": ["dog", "fox"]}], ids=str)
@pytest.mark.parametrize("kind", RESULTS)
def test_files_are_stocks(
    coco_pair: Callable[[str], CocoPair], tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    stock, own = both(coco_pair("polygon masks"), **options)
    results = RESULTS[kind](stock, 0.1)
    written = []
    for dataset, name in ((stock, "stock"), (own, "own")):
        files, folder = dataset.format_results(copy.deepcopy(results), str(tmp_path / name))
        assert folder is None
        written.append({key: json.loads(Path(file).read_text()) for key, file in files.items()})
    assert written[0] == written[1]
    assert kind in written[0]
    assert all(rows for rows in written[0].values())


def test_files_of_evaluation_are_kept_where_they_are_asked_for(awkward: CocoPair, tmp_path: Path) -> None:
    stock, own = both(awkward)
    own.evaluate(detections(stock, 0.1), jsonfile_prefix=str(tmp_path / "kept"))
    assert [path.name for path in tmp_path.iterdir()] == ["kept.bbox.json"]


def test_without_a_name_files_are_temporary(awkward: CocoPair) -> None:
    stock, own = both(awkward)
    files, folder = own.format_results(detections(stock, 0.1))
    assert Path(files["bbox"]).exists()
    folder.cleanup()
    assert not Path(files["bbox"]).exists()


def test_boxes_in_cocos_form(awkward: CocoPair) -> None:
    stock, own = both(awkward)
    box = np.array([1.5, 2, 11, 22], np.float32)
    assert own.xyxy2xywh(box) == stock.xyxy2xywh(box) == [1.5, 2, 9.5, 20]
