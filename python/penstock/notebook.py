"""Whether a person looks at a notebook."""

from __future__ import annotations

import sys

__all__ = ["in_notebook"]


def in_notebook() -> bool:
    """Whether this is the process of a notebook (Jupyter, Colab, VS Code), not of a script or a terminal."""
    # Who is in a notebook has imported it.
    module = sys.modules.get("IPython")
    shell = None if module is None else module.get_ipython()
    return hasattr(shell, "kernel")
