"""COCO files to a trained detector, with Detectron2.

python examples/tutorials/detectron2_training.py                     pictures of shapes, drawn here
python examples/tutorials/detectron2_training.py --coco DIR          your own COCO files
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from detectron2 import model_zoo
from detectron2.data import DatasetCatalog, MetadataCatalog, detection_utils
from detectron2.engine import DefaultPredictor
from detectron2.utils.env import seed_all_rng
from detectron2.utils.logger import setup_logger
from detectron2.utils.visualizer import Visualizer
from PIL import Image

from penstock.ingest import ingest_coco
from penstock.integrations import detectron2 as detectron2_deeplake
from sample_data import coco_of_shapes, contact_sheet

#: Of a small Faster R-CNN for small pictures, which learns on a CPU.
SMALL = {
    "INPUT.MIN_SIZE_TRAIN": (128,),
    "INPUT.MIN_SIZE_TEST": 128,
    "MODEL.RESNETS.STEM_OUT_CHANNELS": 16,
    "MODEL.RESNETS.RES2_OUT_CHANNELS": 32,
    "MODEL.RESNETS.WIDTH_PER_GROUP": 16,
    "MODEL.RESNETS.NORM": "BN",
    "MODEL.BACKBONE.FREEZE_AT": 0,
    "MODEL.FPN.OUT_CHANNELS": 32,
    "MODEL.ANCHOR_GENERATOR.SIZES": [[16], [32], [64], [128], [256]],
    "MODEL.RPN.PRE_NMS_TOPK_TRAIN": 200,
    "MODEL.RPN.PRE_NMS_TOPK_TEST": 100,
    "MODEL.RPN.POST_NMS_TOPK_TRAIN": 100,
    "MODEL.RPN.POST_NMS_TOPK_TEST": 50,
    "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE": 64,
    "MODEL.ROI_BOX_HEAD.FC_DIM": 128,
    "MODEL.WEIGHTS": "",
    "DATALOADER.NUM_WORKERS": 2,
    "SOLVER.IMS_PER_BATCH": 8,
    "SOLVER.BASE_LR": 0.02,
    "SOLVER.CLIP_GRADIENTS.ENABLED": True,
    "SOLVER.CLIP_GRADIENTS.CLIP_TYPE": "norm",
    "SOLVER.CLIP_GRADIENTS.CLIP_VALUE": 5.0,
    "SOLVER.WARMUP_ITERS": 40,
    "SOLVER.MAX_ITER": 400,
    "SOLVER.STEPS": (340,),
}


def ingest(coco: Path, out: Path) -> dict[str, Path]:
    """Writes both splits as Deep Lake datasets, unless they are there."""
    datasets = {split: out / split for split in ("train", "val")}
    for split, dataset in datasets.items():
        if not dataset.exists():
            annotations = coco / "annotations" / f"instances_{split}2017.json"
            ingest_coco(annotations, coco / f"{split}2017", dataset)
    return datasets


def register(datasets: dict[str, Path]) -> list[str]:
    """Makes the datasets known to Detectron2 by name; returns the names of their classes."""
    for split, dataset in datasets.items():
        detectron2_deeplake.register_deeplake(f"my_{split}", str(dataset))
    classes: list[str] = MetadataCatalog.get("my_train").thing_classes
    return classes


def make_config(classes: int, out: Path, options: dict[str, Any]) -> Any:
    """Detectron2's own configuration of Faster R-CNN, for these datasets."""
    cfg = model_zoo.get_config("COCO-Detection/faster_rcnn_R_50_FPN_1x.yaml")
    cfg.DATASETS.TRAIN, cfg.DATASETS.TEST = ("my_train",), ("my_val",)
    cfg.MODEL.ROI_HEADS.NUM_CLASSES = classes
    cfg.MODEL.DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
    cfg.OUTPUT_DIR = str(out)
    cfg.SEED = 0
    cfg.merge_from_list([part for item in options.items() for part in item])
    return cfg


def train(cfg: Any) -> dict[str, Any]:
    """Trains, writes ``model_final.pth``, and returns COCO's metrics."""
    Path(cfg.OUTPUT_DIR).mkdir(parents=True, exist_ok=True)
    trainer = detectron2_deeplake.PenstockTrainer(cfg)
    trainer.resume_or_load(resume=False)
    trainer.train()
    metrics: dict[str, Any] = trainer.test(cfg, trainer.model)
    return metrics


def draw(cfg: Any, folder: Path, count: int) -> list[Path]:
    """Draws what the trained detector finds in the first pictures of the validation set."""
    cfg = cfg.clone()
    cfg.MODEL.WEIGHTS = str(Path(cfg.OUTPUT_DIR) / "model_final.pth")
    cfg.MODEL.ROI_HEADS.SCORE_THRESH_TEST = 0.3
    predictor = DefaultPredictor(cfg)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for record in DatasetCatalog.get("my_val")[:count]:
        image = detection_utils.read_image(record["file_name"], "BGR")
        found = predictor(image)["instances"].to("cpu")
        visualizer = Visualizer(image[:, :, ::-1], metadata=MetadataCatalog.get("my_val"), scale=2.0)
        files.append(folder / f"{record['image_id']}.png")
        Image.fromarray(visualizer.draw_instance_predictions(found).get_image()).save(files[-1])
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, help="a folder with annotations/, train2017/ and val2017/")
    parser.add_argument("--iterations", type=int, help="default: 400 of shapes, else the configuration's")
    parser.add_argument("--out", type=Path, default=Path("demo/detectron2"), help="default: demo/detectron2")
    arguments = parser.parse_args()
    setup_logger()
    datasets = ingest(arguments.coco or coco_of_shapes(arguments.out / "coco", train=640, val=100), arguments.out)
    classes = register(datasets)
    options = {} if arguments.coco else dict(SMALL)
    if arguments.iterations:
        options["SOLVER.MAX_ITER"] = arguments.iterations
    cfg = make_config(len(classes), arguments.out / "work", options)
    seed_all_rng(cfg.SEED)

    metrics = train(cfg)
    for name in ("AP", "AP50", "AP75"):
        print(f"{name:5} {metrics['bbox'][name]:.1f}")
    contact_sheet(draw(cfg, arguments.out / "shown", 9), arguments.out / "predictions.png", columns=3)


if __name__ == "__main__":
    main()
