"""The contenders of benchmarks/gpu.py: one model, trained on the same samples, which two loaders give.

    python benchmarks/gpu_contenders.py NAME TASK DATA DEVICE PRECISION BATCH_SIZE STEPS THREADS SIZE

runs one of them for the harness. TASK is "detector" (torchvision's Faster R-CNN, R50-FPN, random weights) or
"classifier" (ResNet-50). PRECISION is "float32", or the type that ``torch.autocast`` gets. SIZE is "full", or "small"
for a CPU. The detector's images are resized by the model, on the device: both loaders decode, and pin memory for a GPU.
"""

from __future__ import annotations

import contextlib
import itertools
import statistics
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.utils.data

import penstock
from harness import CLOCK, serve

__all__ = ["CONTENDERS", "MODELS", "OURS", "STOCK", "Training"]

OURS, STOCK = "penstock c++", "torch + cv2"
TENSORS = {"detector": ["images", "boxes", "categories"], "classifier": ["images"]}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: Names, by task and size.
MODELS = {
    "detector": {"full": "Faster R-CNN R50-FPN", "small": "Faster R-CNN MobileNetV3-FPN"},
    "classifier": {"full": "ResNet-50", "small": "MobileNetV3"},
}
#: Steps that no figure counts: loaders start, kernels are chosen and compiled.
WARM_UP = {"full": 4, "small": 1}
#: Shorter and longer side of the detector's images.
SIDES = {"full": (800, 1333), "small": (64, 96)}
CLASSES = 91


class Decoded(torch.utils.data.Dataset[dict[str, Any]]):
    """The samples of a dataset as stock code loads them: JPEGs in memory, decoded by OpenCV."""

    def __init__(self, path: str, tensors: list[str]) -> None:
        dataset = penstock.open(path)
        self.columns = {name: [dataset[name][i] for i in range(len(dataset))] for name in tensors if name != "images"}
        self.images = [dataset["images"].bytes(i) for i in range(len(dataset))]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        import cv2

        image = cv2.imdecode(np.frombuffer(self.images[index], np.uint8), cv2.IMREAD_COLOR)
        sample = {"images": torch.from_numpy(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))}
        return sample | {name: torch.from_numpy(np.asarray(values[index])) for name, values in self.columns.items()}


def collate(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Equal shapes become one tensor, others a list."""
    batch: dict[str, Any] = {}
    for name in samples[0]:
        values = [sample[name] for sample in samples]
        batch[name] = torch.stack(values) if len({value.shape for value in values}) == 1 else values
    return batch


class Ours:
    """Batches of Penstock's loader, in order, epoch after epoch."""

    def __init__(self, path: str, tensors: list[str], batch_size: int, threads: int, pinned: bool) -> None:
        self.loader = penstock.DataLoader(
            path, batch_size, tensors=tensors, loader_type="c++", num_threads=threads, pin_memory=pinned, drop_last=True
        )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while True:
            yield from self.loader


class Stock:
    """The same of torch's loader, with worker processes; as one endless epoch, so that no epoch's turn slows it."""

    def __init__(self, path: str, tensors: list[str], batch_size: int, threads: int, pinned: bool) -> None:
        dataset = Decoded(path, tensors)
        whole = len(dataset) // batch_size * batch_size
        sampler: Any = Endless(whole)
        self.loader = torch.utils.data.DataLoader(
            dataset, batch_size, sampler=sampler, num_workers=threads, collate_fn=collate, pin_memory=pinned
        )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from self.loader


class Endless:
    """The numbers below ``count``, again and again."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[int]:
        return itertools.cycle(range(self.count))


CONTENDERS: dict[str, type[Ours] | type[Stock]] = {OURS: Ours, STOCK: Stock}


def detector(size: str) -> torch.nn.Module:
    """torchvision's, of random weights."""
    from torchvision.models import detection

    make = detection.fasterrcnn_resnet50_fpn if size == "full" else detection.fasterrcnn_mobilenet_v3_large_320_fpn
    least, most = SIDES[size]
    model: torch.nn.Module = make(
        weights=None, weights_backbone=None, num_classes=CLASSES, min_size=least, max_size=most
    )
    return model


def classifier(size: str) -> torch.nn.Module:
    """Likewise."""
    from torchvision import models

    make = models.resnet50 if size == "full" else models.mobilenet_v3_small
    model: torch.nn.Module = make(weights=None)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


class Training:
    """One run trains for some steps.

    Each step ends when the device is done. What passes from there until the next batch is at hand is the waiting: the
    device has nothing to do meanwhile.
    """

    def __init__(
        self,
        name: str,
        task: str,
        path: str,
        device: str,
        precision: str,
        batch: int,
        steps: int,
        threads: int,
        size: str,
    ) -> None:
        torch.manual_seed(0)
        self.task, self.batch_size, self.steps, self.size = task, batch, steps, size
        self.device = torch.device(device)
        self.precision = getattr(torch, precision)
        self.model = (detector if task == "detector" else classifier)(size).to(self.device).train()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-5)
        self.normalize = penstock.normalize_on(self.device, MEAN, STD)
        self.batches = CONTENDERS[name](path, TENSORS[task], batch, threads, self.device.type == "cuda")

    def run(self) -> int:
        waited, whole = [], []
        warm_up = WARM_UP[self.size]
        before = time.perf_counter()
        # Anew: what a loader has made while the other one had its turn would flatter it.
        for batch in itertools.islice(iter(self.batches), self.steps + warm_up):
            CLOCK.batch()
            at_hand = time.perf_counter()
            self.step(batch)
            after = time.perf_counter()
            waited.append(at_hand - before)
            whole.append(after - before)
            before = after
        CLOCK.figures["waiting_share"] = sum(waited[warm_up:]) / sum(whole[warm_up:])
        CLOCK.figures["step_seconds"] = statistics.median(whole[warm_up:])
        CLOCK.figures["images_per_second"] = self.batch_size * self.steps / sum(whole[warm_up:])
        return self.batch_size * (self.steps + warm_up)

    def sums(self) -> list[float]:
        """The losses of the first two steps."""
        losses = []
        for number, batch in enumerate(itertools.islice(iter(self.batches), 2)):
            # The detector draws among its proposals.
            torch.manual_seed(number)
            losses.append(self.step(batch))
        return losses

    def step(self, batch: dict[str, Any]) -> float:
        """Trains on a batch, and waits for the device; the loss."""
        narrow = self.precision != torch.float32
        amp: Any = torch.autocast(self.device.type, self.precision) if narrow else contextlib.nullcontext()
        with amp:
            loss = self.detect(batch) if self.task == "detector" else self.classify(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        # What the optimizer has been told to do comes after the loss, and item() waits for the loss alone.
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return float(loss.item())

    def detect(self, batch: dict[str, Any]) -> torch.Tensor:
        images = [self._planes(image) for image in batch["images"]]
        targets = [
            {"boxes": _corners(self._moved(boxes)), "labels": self._moved(labels).to(torch.int64).flatten() + 1}
            for boxes, labels in zip(batch["boxes"], batch["categories"], strict=True)
        ]
        losses: dict[str, torch.Tensor] = self.model(images, targets)
        return torch.stack([loss.float() for loss in losses.values()]).sum()

    def classify(self, batch: dict[str, Any]) -> torch.Tensor:
        output = self.model(self.normalize(batch["images"]))
        labels = torch.arange(len(output), device=self.device)
        return torch.nn.functional.cross_entropy(output.float(), labels)

    def _moved(self, value: torch.Tensor) -> torch.Tensor:
        return value.to(self.device, non_blocking=True)

    def _planes(self, image: torch.Tensor) -> torch.Tensor:
        """From 0 to 1, [c, h, w], as the model takes them."""
        return self._moved(image).permute(2, 0, 1).to(torch.float32).div_(255)


def _corners(boxes: torch.Tensor) -> torch.Tensor:
    """Corners of boxes that are stored as left, top, width and height; none thinner than a pixel, which the model
    refuses."""
    boxes = boxes.reshape(-1, 4)
    return torch.cat((boxes[:, :2], boxes[:, :2] + boxes[:, 2:].clamp(min=1)), 1)


def main() -> None:
    name, task, path, device, precision, batch, steps, threads, size = sys.argv[1:]
    torch.set_num_threads(1)
    serve(partial(Training, name, task, path, device, precision, int(batch), int(steps), int(threads), size))


if __name__ == "__main__":
    main()
