"""Mask R-CNN with ResNet-50 and FPN on COCO: MMDetection 3's own configuration, read from Deep Lake datasets."""

_base_ = "mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py"

custom_imports = dict(imports=["penstock.integrations.mmdet3"], allow_failed_imports=False)
runner_type = "PenstockRunner"
train_dataloader = dict(dataset=dict(type="DeepLakeDetDataset", deeplake_path="data/coco_train"))
val_dataloader = dict(dataset=dict(type="DeepLakeDetDataset", deeplake_path="data/coco_val"))
test_dataloader = val_dataloader
