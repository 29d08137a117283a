"""The contenders of benchmarks/train.py: the same detector, trained by mmcv's runner on batches of different loaders.

    python benchmarks/train_contenders.py NAME RECIPE DATA THREADS BATCH_SIZE ITERATIONS DEVICE WIDTH

runs one of them for the harness; arguments as in benchmarks/train.py. The loaders are those of
benchmarks/pipeline_contenders.py.
"""

from __future__ import annotations

import logging
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch
from mmcv import ConfigDict
from mmcv.runner import HOOKS, Hook, IterBasedRunner, IterTimerHook, OptimizerHook
from mmdet.models import build_detector
from mmdet.models.utils import make_divisible

from harness import CLOCK, serve
from penstock.integrations.mmdet.training.device import OneDevice
from pipeline_contenders import CONTENDERS

__all__ = ["Training", "detector"]

#: Iterations that no figure counts: loaders start, torch compiles what it needs.
WARM_UP = 4
CLASSES = 80


def detector(width: float) -> dict[str, Any]:
    """MMDetection's YOLOv3 with MobileNetV2, its channels multiplied by ``width``."""
    channels = [make_divisible(width * number, 8) for number in (320, 96, 32)]
    out = [make_divisible(width * 96, 8)] * 3
    sigmoid = {"type": "CrossEntropyLoss", "use_sigmoid": True, "reduction": "sum"}
    backbone = {"type": "MobileNetV2", "out_indices": (2, 4, 6), "widen_factor": width}
    return {
        "type": "YOLOV3",
        "backbone": backbone,
        "neck": {"type": "YOLOV3Neck", "num_scales": 3, "in_channels": channels, "out_channels": out},
        "bbox_head": {
            "type": "YOLOV3Head",
            "num_classes": CLASSES,
            "in_channels": out,
            "out_channels": out,
            "anchor_generator": {
                "type": "YOLOAnchorGenerator",
                "base_sizes": [
                    [(220, 125), (128, 222), (264, 266)],
                    [(35, 87), (102, 96), (60, 170)],
                    [(10, 15), (24, 36), (72, 42)],
                ],
                "strides": [32, 16, 8],
            },
            "bbox_coder": {"type": "YOLOBBoxCoder"},
            "featmap_strides": [32, 16, 8],
            "loss_cls": sigmoid,
            "loss_conf": sigmoid,
            "loss_xy": sigmoid,
            "loss_wh": {"type": "MSELoss", "reduction": "sum"},
        },
        "train_cfg": {"assigner": {"type": "GridAssigner", "pos_iou_thr": 0.5, "neg_iou_thr": 0.5, "min_pos_iou": 0}},
    }


class Training:
    """One run trains for some iterations, as MMDetection would."""

    def __init__(
        self,
        name: str,
        recipe: str,
        data: Path,
        threads: int,
        batch_size: int,
        iterations: int,
        device: str,
        width: float,
    ) -> None:
        torch.manual_seed(0)
        self.iterations = iterations
        self.batch_size = batch_size
        self.model = OneDevice(build_detector(ConfigDict(detector(width))), torch.device(device))
        self.loader = CONTENDERS[name](recipe, data, threads, batch_size).loader

    def run(self) -> int:
        with tempfile.TemporaryDirectory() as folder:
            runner = IterBasedRunner(
                self.model,
                optimizer=torch.optim.SGD(self.model.parameters(), lr=1e-5),
                work_dir=folder,
                logger=logging.getLogger("silent"),
                max_iters=self.iterations,
            )
            # In MMDetection's order: the clock of a step stops after its gradients.
            runner.register_hook(OptimizerHook(grad_clip={"max_norm": 35}), priority="ABOVE_NORMAL")
            runner.register_hook(IterTimerHook(), priority="LOW")
            runner.register_hook(Batches())
            runner.run([self.loader], [("train", 1)])
        # What MMDetection logs as "data_time" and "time", for each iteration.
        waited, whole = (runner.log_buffer.val_history[key][WARM_UP:] for key in ("data_time", "time"))
        CLOCK.figures["waiting_share"] = sum(waited) / sum(whole)
        CLOCK.figures["step_seconds"] = statistics.median(whole)
        CLOCK.figures["images_per_second"] = self.batch_size * len(whole) / sum(whole)
        return self.iterations * self.batch_size

    def sums(self) -> list[int]:
        raise NotImplementedError("benchmarks/pipeline.py compares the pixels")


@HOOKS.register_module()
class Batches(Hook):  # type: ignore[misc]
    """Tells the clock of each batch."""

    def before_train_iter(self, runner: Any) -> None:
        CLOCK.batch()


def main() -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    logging.getLogger("silent").setLevel(logging.ERROR)
    name, recipe, data, threads, batch_size, iterations, device, width = sys.argv[1:9]
    numbers = (int(threads), int(batch_size), int(iterations))
    serve(partial(Training, name, recipe, Path(data), *numbers, device, float(width)))


if __name__ == "__main__":
    main()
