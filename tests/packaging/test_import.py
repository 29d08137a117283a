"""Importing penstock changes nothing that is there, and brings nothing along that need not be."""

from __future__ import annotations

import subprocess
import sys
import textwrap

UNTOUCHED = """
    import functools, itertools, json, os, pickle, random, signal, sys, threading
    import numpy, torch, torch.utils.data

    def snapshot(module):
        return {name: id(value) for name, value in vars(module).items() if not name.startswith("__")}

    modules = [functools, itertools, json, os, pickle, random, signal, threading, numpy, torch, torch.utils.data]
    modules += [torch.utils.data.dataloader, torch.utils.data.DataLoader]
    before = [snapshot(module) for module in modules]
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    state = random.getstate(), torch.get_rng_state().tolist(), torch.get_num_threads()
    loaded = set(sys.modules)

    import penstock

    for module, names in zip(modules, before):
        after = snapshot(module)
        # Names may come: importing a submodule puts one there.
        assert {name: after.get(name) for name in names} == names, module
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    assert state == (random.getstate(), torch.get_rng_state().tolist(), torch.get_num_threads())
    foreign = {name.split(".")[0] for name in set(sys.modules) - loaded}
    unwanted = {"deeplake", "mmdet", "mmcv", "PIL", "lz4", "cv2", "tqdm", "matplotlib", "pycocotools"}
    assert not foreign & unwanted, foreign & unwanted
"""


def test_importing_changes_nothing() -> None:
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(UNTOUCHED)], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
