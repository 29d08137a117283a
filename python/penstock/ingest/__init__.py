"""Writing Deep Lake 3 datasets from other formats, with the real deeplake library (extra ``penstock[ingest]``). Uses no
other folder.
"""

from penstock.ingest.coco import ingest_coco

__all__ = ["ingest_coco"]
