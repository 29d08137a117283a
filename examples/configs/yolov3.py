"""YOLOv3 with DarkNet-53, up to 608 pixels, on COCO: MMDetection's own configuration, read from Deep Lake datasets."""

import pathlib

import mmdet

_base_ = [str(pathlib.Path(mmdet.__file__).parent / ".mim/configs/yolo/yolov3_d53_mstrain-608_273e_coco.py")]

deeplake_dataloader_type = "c++"
deeplake_metrics_format = "COCO"
data = dict(
    train=dict(
        deeplake_path="data/coco_train",
        # What is not named is found by its htype.
        deeplake_tensors=dict(img="images", gt_bboxes="boxes", gt_labels="categories"),
        deeplake_dataloader=dict(shuffle=True, batch_size=8, num_workers=4),
    ),
    val=dict(
        deeplake_path="data/coco_val",
        deeplake_tensors=dict(img="images", gt_bboxes="boxes", gt_labels="categories"),
        deeplake_dataloader=dict(shuffle=False, batch_size=8, num_workers=4),
    ),
)
evaluation = dict(metric=["bbox"], interval=1)
