"""ATSS with a thin ResNet-18, on the shapes that examples/shapes.py draws. An MMDetection 3 configuration."""

_base_ = "mmdet::_base_/default_runtime.py"

custom_imports = dict(imports=["penstock.integrations.mmdet3"], allow_failed_imports=False)
runner_type = "PenstockRunner"

image_scale = (128, 128)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=image_scale, keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=image_scale, keep_ratio=True),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs", meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="DeepLakeDetDataset",
        deeplake_path="demo/shapes_train",
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="DeepLakeDetDataset", deeplake_path="demo/shapes_val", test_mode=True, pipeline=test_pipeline
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="CocoMetric", metric="bbox")
test_evaluator = val_evaluator

channels = 32
model = dict(
    type="ATSS",
    data_preprocessor=dict(
        type="DetDataPreprocessor",
        mean=[128.0, 128.0, 128.0],
        std=[64.0, 64.0, 64.0],
        bgr_to_rgb=True,
        pad_size_divisor=16,
    ),
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
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=0.002, weight_decay=0.01),
    clip_grad=dict(max_norm=10),
)
max_epochs = 16
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type="CosineAnnealingLR", T_max=max_epochs, by_epoch=True, convert_to_iter_based=True),
]
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=4)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
