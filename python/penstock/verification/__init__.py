"""Checking all of a dataset: every chunk, every sample."""

from penstock.verification.findings import Finding, Report
from penstock.verification.run import verify

__all__ = ["Finding", "Report", "verify"]
