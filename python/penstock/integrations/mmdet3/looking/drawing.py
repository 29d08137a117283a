"""MMDetection 3's hook that draws predictions, on images of a Deep Lake dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mmdet.engine.hooks import DetVisualizationHook

from penstock.integrations.mmdet3.data.wrappers import leaves_of
from penstock.integrations.mmdet3.detection_loader import DetectionLoader

__all__ = ["DrawingHook", "drawing", "image_of"]


def drawing(hook: Any) -> Any:
    """A ``DetVisualizationHook`` that draws on Deep Lake's images too; any other hook as it is."""
    if type(hook) is not DetVisualizationHook:
        return hook
    made = DrawingHook.__new__(DrawingHook)
    made.__dict__.update(vars(hook))
    return made


def image_of(loader: DetectionLoader, sample: Any) -> npt.NDArray[np.uint8]:
    """The image that a ``DetDataSample`` is about, RGB, uint8 [height, width, 3].

    Raises:
        KeyError: No image of the loader's dataset has its "img_id" and "img_path".
    """
    for leaf in leaves_of(loader.dataset):
        index = leaf.index_of(sample.img_id, getattr(sample, "img_path", None))
        if index is not None:
            image: npt.NDArray[np.uint8] = leaf.detection_source.read_image(index, "rgb")
            return image
    raise KeyError(f"no image of the dataset has the number {sample.img_id!r}")


class DrawingHook(DetVisualizationHook):  # type: ignore[misc]
    """MMDetection's ``DetVisualizationHook``, which reads images from files; those of Deep Lake's datasets are in none.
    """

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any, outputs: Sequence[Any]) -> None:
        """Draws the first image of each ``interval``-th batch."""
        if not isinstance(runner.val_dataloader, DetectionLoader):
            super().after_val_iter(runner, batch_idx, data_batch, outputs)
            return
        step = runner.iter + batch_idx
        if self.draw and step % self.interval == 0:
            name = Path(outputs[0].img_path).name if self.show else "val_img"
            self._draw(runner.val_dataloader, outputs[0], name, step)

    def after_test_iter(self, runner: Any, batch_idx: int, data_batch: Any, outputs: Sequence[Any]) -> None:
        """Draws all images; into ``test_out_dir`` of the run's folder where that is set."""
        if not isinstance(runner.test_dataloader, DetectionLoader):
            super().after_test_iter(runner, batch_idx, data_batch, outputs)
            return
        if not self.draw:
            return
        folder = None if self.test_out_dir is None else Path(runner.work_dir, runner.timestamp, self.test_out_dir)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        for sample in outputs:
            self._test_index += 1
            file = Path(sample.img_path).name
            self._draw(
                runner.test_dataloader,
                sample,
                file if self.show else "test_img",
                self._test_index,
                None if folder is None else str(folder / file),
            )

    def _draw(self, loader: DetectionLoader, sample: Any, name: str, step: int, file: str | None = None) -> None:
        self._visualizer.add_datasample(
            name,
            image_of(loader, sample),
            data_sample=sample,
            show=self.show,
            wait_time=self.wait_time,
            pred_score_thr=self.score_thr,
            out_file=file,
            step=step,
        )
