"""Faster R-CNN with ResNet-50 and FPN on COCO: MMDetection's own configuration, read from Deep Lake datasets."""

import pathlib

import mmdet

_base_ = [str(pathlib.Path(mmdet.__file__).parent / ".mim/configs/faster_rcnn/faster_rcnn_r50_fpn_1x_coco.py")]

deeplake_dataloader_type = "c++"
deeplake_metrics_format = "COCO"
data = dict(
    samples_per_gpu=2,
    workers_per_gpu=4,
    train=dict(deeplake_path="data/coco_train"),
    val=dict(deeplake_path="data/coco_val"),
    test=dict(deeplake_path="data/coco_val"),
)
evaluation = dict(metric=["bbox"], interval=1)
