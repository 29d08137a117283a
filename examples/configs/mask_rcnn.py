"""Mask R-CNN with ResNet-50 and FPN on COCO: MMDetection's own configuration, read from Deep Lake datasets.

The datasets have masks beside the boxes, as polygons or as binary masks; `penstock ingest-coco --masks` writes them.
"""

import pathlib

import mmdet

_base_ = [str(pathlib.Path(mmdet.__file__).parent / ".mim/configs/mask_rcnn/mask_rcnn_r50_fpn_1x_coco.py")]

deeplake_dataloader_type = "c++"
deeplake_metrics_format = "COCO"
data = dict(
    samples_per_gpu=2,
    workers_per_gpu=4,
    train=dict(deeplake_path="data/coco_train"),
    val=dict(deeplake_path="data/coco_val"),
    test=dict(deeplake_path="data/coco_val"),
)
evaluation = dict(metric=["bbox", "segm"], interval=1)
