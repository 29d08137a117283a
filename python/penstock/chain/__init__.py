"""Deep Lake 3's chain: ``penstock.dataloader(ds).batch(8).shuffle().pytorch()``. Uses loader.py and below."""

from penstock.chain.links import Chain, dataloader

__all__ = ["Chain", "dataloader"]
