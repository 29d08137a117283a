"""``penstock.verify`` beside the page."""

from __future__ import annotations

import threading
from typing import Any

from penstock.dataset import Dataset
from penstock.described import described_error
from penstock.errors import PenstockError
from penstock.verification import Report, verify

__all__ = ["Check"]

#: A finding may concern a whole chunk of small samples.
_MOST_OF_ONE = 10_000


class Check:
    """A check of the dataset, which runs in a thread of its own once it is begun."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._lock = threading.Lock()
        self._begun = False
        self._done = self._total = 0
        self._report: Report | None = None
        self._failed: str | None = None

    def begin(self) -> None:
        """Begins the check, if that has not been done."""
        with self._lock:
            if self._begun:
                return
            self._begun = True
        threading.Thread(target=self._run, name="penstock-view-check", daemon=True).start()

    def state(self) -> dict[str, Any]:
        """Plain values: ``state`` ("idle", "running", "done", "failed"), ``done`` and ``total`` samples, ``error``, and
        ``findings``, each with ``index``, ``tensor`` and ``text``.
        """
        with self._lock:
            report, failed = self._report, self._failed
            state = "done" if report else "failed" if failed else "running" if self._begun else "idle"
            return {
                "state": state,
                "done": self._done,
                "total": self._total,
                "error": failed,
                "findings": [
                    {
                        "index": finding.index,
                        "last_index": finding.last_index,
                        "tensor": finding.tensor,
                        "text": str(finding),
                    }
                    for finding in (report.findings if report else ())
                ],
            }

    def bad(self) -> dict[int, list[str]]:
        """Of each sample that was found to be bad so far, what is wrong with it."""
        with self._lock:
            findings = self._report.findings if self._report else ()
        bad: dict[int, list[str]] = {}
        for finding in findings:
            if finding.index is not None:
                last = finding.index if finding.last_index is None else finding.last_index
                for index in range(finding.index, min(last, finding.index + _MOST_OF_ONE) + 1):
                    bad.setdefault(index, []).append(str(finding))
        return bad

    def _run(self) -> None:
        try:
            report = verify(self._dataset, progress=self._progress)
        except PenstockError as error:
            with self._lock:
                self._failed = str(error)
        except BaseException as error:
            with self._lock:
                self._failed = described_error(error)
            raise
        else:
            with self._lock:
                self._report = report

    def _progress(self, done: int, total: int) -> None:
        with self._lock:
            self._done, self._total = done, total
