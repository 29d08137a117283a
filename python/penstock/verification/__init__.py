"""Checking all of a dataset: every chunk, every sample. Uses dataset/ and loading/."""

from penstock.verification.findings import Finding, Report
from penstock.verification.run import verify

__all__ = ["Finding", "Report", "verify"]
