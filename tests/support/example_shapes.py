"""examples/shapes.py, which is no module of a package."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from support.require import PROJECT_ROOT

__all__ = ["load_shapes"]


def load_shapes() -> ModuleType:
    """The module, which is ``shapes`` for whatever pickles its objects."""
    spec = importlib.util.spec_from_file_location("shapes", PROJECT_ROOT / "examples" / "shapes.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["shapes"] = module
    spec.loader.exec_module(module)
    return module
