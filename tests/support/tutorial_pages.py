"""Code on the pages of tutorials: each block is a part of the page's script, text for text."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["blocks_not_in_script"]


def blocks_not_in_script(page: Path, script: Path) -> list[str]:
    """The Python blocks of a page that do not stand in a script as they are; blank lines between parts do not count.

    Raises:
        AssertionError: The page has no Python block.
    """
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert blocks, f"{page} has no Python block"
    text = script.read_text()
    parts = [part.strip("\n") for block in blocks for part in re.split(r"\n{3,}", block)]
    return [part for part in parts if f"\n{part}\n" not in text]
