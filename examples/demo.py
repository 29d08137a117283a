"""Makes Deep Lake datasets, trains a detector on them through Penstock's C++ loader, evaluates it, draws predictions.

python examples/demo.py                  shapes that are drawn here
python examples/demo.py --coco DIR       COCO files: DIR has annotations/, train2017/ and val2017/
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from penstock.errors import PenstockError
from penstock.ingest import ingest_coco
from penstock.progress import progress
from shapes import make_shapes

CONFIGS = Path(__file__).resolve().parent / "configs"
SHAPES = {"train": 2000, "val": 200}
METRICS = {
    "bbox_mAP": "mAP, IoU 0.50 to 0.95",
    "bbox_mAP_50": "mAP, IoU 0.50",
    "bbox_mAP_75": "mAP, IoU 0.75",
    "bbox_mAP_s": "small objects",
    "bbox_mAP_m": "medium objects",
    "bbox_mAP_l": "large objects",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, metavar="DIR", help="train on the COCO files there")
    parser.add_argument("--limit", type=int, help="of the COCO files, take the first so many images of each split")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="where all goes (default: demo)")
    arguments = parser.parse_args()
    # Advice of deeplake, mmcv and mmdet about newer versions of themselves.
    warnings.filterwarnings("ignore", category=UserWarning)
    start = time.perf_counter()
    try:
        datasets = coco_datasets(arguments) if arguments.coco else shapes_datasets(arguments.out)
        report(run(arguments, datasets), time.perf_counter() - start)
    except PenstockError as error:
        print(f"demo: error: {error}", file=sys.stderr)
        return 1
    return 0


def shapes_datasets(out: Path) -> dict[str, Path]:
    """Draws shapes and writes them as datasets, unless that was done before."""
    datasets = {}
    for seed, (split, images) in enumerate(SHAPES.items()):
        folder, datasets[split] = out / "shapes" / split, out / f"shapes_{split}"
        print(f"==> {images} pictures of shapes: {folder}", flush=True)
        if not (folder / "annotations.json").exists():
            make_shapes(folder, images, seed, progress)
        ingest(folder / "annotations.json", folder / "images", datasets[split])
    return datasets


def coco_datasets(arguments: argparse.Namespace) -> dict[str, Path]:
    """Writes COCO files as datasets, unless that was done before."""
    datasets = {split: arguments.out / f"coco_{split}" for split in ("train", "val")}
    for split, dataset in datasets.items():
        annotations = arguments.coco / "annotations" / f"instances_{split}2017.json"
        ingest(annotations, arguments.coco / f"{split}2017", dataset, arguments.limit)
    return datasets


def ingest(annotations: Path, images: Path, dataset: Path, limit: int | None = None) -> None:
    """Writes a dataset; a note beside it tells what it was made of, so that it is made again only if that changes."""
    note = dataset.with_name(dataset.name + ".json")
    status = annotations.stat() if annotations.exists() else None
    made_of = {
        "annotations": str(annotations.resolve()),
        "images": str(images.resolve()),
        "limit": limit,
        "bytes": status and status.st_size,
        "modified": status and status.st_mtime_ns,
    }
    print(f"==> Deep Lake 3 dataset: {dataset}", flush=True)
    if dataset.exists() and note.exists() and json.loads(note.read_text())["made_of"] == made_of:
        print("    there already")
        return
    note.unlink(missing_ok=True)
    summary = ingest_coco(annotations, images, dataset, overwrite=True, limit=limit, progress=progress)
    note.write_text(json.dumps({"made_of": made_of, **summary}, indent=1))
    print(f"    {summary['images']} images, {summary['annotations']} annotations")


def run(arguments: argparse.Namespace, datasets: dict[str, Path]) -> dict[str, Any]:
    """Trains, evaluates, draws; returns the figures."""
    import cv2
    from mmcv import Config

    from training import LOWEST_SCORE, draw_predictions, train

    # The loader has threads of its own; OpenCV's would compete with them for the cores.
    cv2.setNumThreads(0)
    name = "coco_yolov3" if arguments.coco else "shapes"
    cfg = Config.fromfile(str(CONFIGS / f"{name}.py"))
    for split, dataset in datasets.items():
        cfg.data[split].deeplake_path = str(dataset)
    cfg.work_dir = str(arguments.out / f"{name}_work")
    cfg.seed = 0
    cfg.log_level = "WARNING"
    print(f"==> Training {cfg.model.type} through the {cfg.deeplake_dataloader_type} loader: {name}.py", flush=True)
    model, figures = train(cfg)
    picture = arguments.out / "predictions.png"
    drawn = draw_predictions(model, cfg, 16, picture)
    return {**figures, "predictions": f"{picture}, {drawn} boxes of score {LOWEST_SCORE} or more"}


def report(figures: dict[str, Any], seconds: float) -> None:
    """Prints the figures."""
    print(f"\n\n==> Validation, after {figures['iterations']} iterations of training")
    for key, title in METRICS.items():
        if figures[key] >= 0:  # COCO's -1: there are none
            print(f"    {title:24} {figures[key]:.3f}")
    print("==> Training")
    print(f"    images/s                 {figures['images_per_second']:.1f}")
    print(f"    time waiting for data    {figures['waiting_share']:.1%}")
    print(f"==> Predictions: {figures['predictions']}")
    print(f"    all of this took {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
