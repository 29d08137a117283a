"""DINO with ResNet-50 on COCO: MMDetection 3's own configuration, read from Deep Lake datasets."""

_base_ = "mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py"

custom_imports = dict(imports=["penstock.integrations.mmdet3"], allow_failed_imports=False)
runner_type = "PenstockRunner"
train_dataloader = dict(dataset=dict(type="DeepLakeDetDataset", deeplake_path="data/coco_train"))
val_dataloader = dict(dataset=dict(type="DeepLakeDetDataset", deeplake_path="data/coco_val"))
test_dataloader = val_dataloader
