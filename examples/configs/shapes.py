"""ATSS with a thin ResNet-18, on the shapes that examples/shapes.py draws. An MMDetection configuration."""

image_scale = (128, 128)
normalization = dict(mean=[128.0, 128.0, 128.0], std=[64.0, 64.0, 64.0], to_rgb=True)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", img_scale=image_scale, keep_ratio=True),
    dict(type="RandomFlip", flip_ratio=0.5),
    dict(type="Normalize", **normalization),
    dict(type="Pad", size_divisor=16),
    dict(type="DefaultFormatBundle"),
    dict(type="Collect", keys=["img", "gt_bboxes", "gt_labels"]),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(
        type="MultiScaleFlipAug",
        img_scale=image_scale,
        flip=False,
        transforms=[
            dict(type="Resize", keep_ratio=True),
            dict(type="RandomFlip"),
            dict(type="Normalize", **normalization),
            dict(type="Pad", size_divisor=16),
            dict(type="ImageToTensor", keys=["img"]),
            dict(type="Collect", keys=["img"]),
        ],
    ),
]
data = dict(
    samples_per_gpu=16,
    workers_per_gpu=2,
    train=dict(deeplake_path="demo/shapes_train"),
    val=dict(deeplake_path="demo/shapes_val", deeplake_dataloader=dict(batch_size=16)),
)
deeplake_dataloader_type = "c++"
deeplake_metrics_format = "COCO"
evaluation = dict(metric=["bbox"], interval=8)

channels = 32
model = dict(
    type="ATSS",
    backbone=dict(
        type="ResNet",
        depth=18,
        base_channels=16,
        stem_channels=16,
        num_stages=3,
        strides=(1, 2, 2),
        dilations=(1, 1, 1),
        out_indices=(1, 2),
    ),
    neck=dict(type="FPN", in_channels=[32, 64], out_channels=channels, num_outs=2),
    bbox_head=dict(
        type="ATSSHead",
        num_classes=3,
        in_channels=channels,
        feat_channels=channels,
        stacked_convs=1,
        norm_cfg=dict(type="GN", num_groups=8),
        anchor_generator=dict(
            type="AnchorGenerator", ratios=[1.0], octave_base_scale=4, scales_per_octave=1, strides=[8, 16]
        ),
        bbox_coder=dict(type="DeltaXYWHBBoxCoder", target_stds=[0.1, 0.1, 0.2, 0.2]),
        loss_cls=dict(type="FocalLoss", use_sigmoid=True),
        loss_bbox=dict(type="GIoULoss", loss_weight=2.0),
        loss_centerness=dict(type="CrossEntropyLoss", use_sigmoid=True),
    ),
    train_cfg=dict(assigner=dict(type="ATSSAssigner", topk=9), allowed_border=-1, pos_weight=-1),
    test_cfg=dict(
        nms_pre=200, min_bbox_size=0, score_thr=0.05, nms=dict(type="nms", iou_threshold=0.6), max_per_img=20
    ),
)
optimizer = dict(type="AdamW", lr=0.002, weight_decay=0.01)
optimizer_config = dict(grad_clip=dict(max_norm=10))
lr_config = dict(policy="CosineAnnealing", min_lr=0, by_epoch=False, warmup="linear", warmup_iters=50, warmup_ratio=0.1)
runner = dict(type="EpochBasedRunner", max_epochs=8)
checkpoint_config = dict(interval=8)
log_config = dict(interval=50, hooks=[dict(type="TextLoggerHook")])
