"""YOLOX-tiny on COCO: MMDetection 3's own configuration, read from Deep Lake datasets."""

_base_ = "mmdet::yolox/yolox_tiny_8xb8-300e_coco.py"

custom_imports = dict(imports=["penstock.integrations.mmdet3"], allow_failed_imports=False)
runner_type = "PenstockRunner"
# The dataset within MultiImageMixDataset.
train_dataloader = dict(dataset=dict(dataset=dict(type="DeepLakeDetDataset", deeplake_path="data/coco_train")))
val_dataloader = dict(dataset=dict(type="DeepLakeDetDataset", deeplake_path="data/coco_val"))
test_dataloader = val_dataloader
