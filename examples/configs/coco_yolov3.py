"""YOLOv3 with MobileNetV2 at 320 pixels on COCO: MMDetection's own configuration, read from Deep Lake datasets."""

import pathlib

import mmdet

_base_ = [str(pathlib.Path(mmdet.__file__).parent / ".mim/configs/yolo/yolov3_mobilenetv2_320_300e_coco.py")]

deeplake_dataloader_type = "c++"
deeplake_metrics_format = "COCO"
data = dict(
    samples_per_gpu=8,
    workers_per_gpu=2,
    # In place of MMDetection's wrapper, which repeats a dataset to turn epochs over less often.
    train=dict(_delete_=True, deeplake_path="demo/coco_train"),
    val=dict(_delete_=True, deeplake_path="demo/coco_val", deeplake_dataloader=dict(batch_size=8)),
)

# From random weights, as nothing is downloaded; and few iterations, to show the way and its speed: they do not make
# a detector. Without its limits an untrained YOLO would spend ten seconds an image on suppressing its own noise.
model = dict(
    backbone=dict(init_cfg=None),
    test_cfg=dict(nms_pre=100, score_thr=0.01, conf_thr=0.01, max_per_img=50),
)
optimizer = dict(lr=0.001)
lr_config = dict(_delete_=True, policy="fixed", warmup="linear", warmup_iters=20, warmup_ratio=0.1)
runner = dict(_delete_=True, type="IterBasedRunner", max_iters=40)
evaluation = dict(interval=40)
checkpoint_config = dict(interval=40, by_epoch=False)
log_config = dict(interval=10)
