"""What a framework needs in order to call a loader's constructor once more."""

from __future__ import annotations

from typing import Any

__all__ = ["name_kept_arguments"]

_NAMES, _ARGUMENTS, _KEYWORDS = "__pl_saved_arg_names", "__pl_saved_args", "__pl_saved_kwargs"


def name_kept_arguments(loader: Any) -> None:
    """Gives names to arguments that Lightning has kept of a loader which one of its hooks makes.

    Lightning calls the constructor with them again, and adds a batch size and a sampler by name. Python refuses an
    argument that comes both by place and by name, and Lightning then blames the class.
    """
    names = getattr(loader, _NAMES, ())
    if len(names) <= 1:
        return
    arguments = getattr(loader, _ARGUMENTS)
    keywords = dict(zip(names[1:], arguments[1:], strict=True)) | getattr(loader, _KEYWORDS)
    # The dataset stays where it is: Lightning looks for it there.
    for name, value in ((_NAMES, names[:1]), (_ARGUMENTS, arguments[:1]), (_KEYWORDS, keywords)):
        object.__setattr__(loader, name, value)
