"""Writing Deep Lake 3 datasets from other formats, with the real deeplake library (extra ``penstock[ingest]``). Uses
``format`` alone, to see that images can be decoded.
"""

from penstock.ingest.coco import ingest_coco
from penstock.ingest.folder import ingest_folder
from penstock.ingest.voc import ingest_voc
from penstock.ingest.yolo import ingest_yolo

__all__ = ["ingest_coco", "ingest_folder", "ingest_voc", "ingest_yolo"]
