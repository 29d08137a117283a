"""What importing the integration does, and what it says where MMDetection is missing."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
import penstock
from penstock.errors import MissingExtraError
try:
    {statement}
except MissingExtraError as error:
    print(error)
"""

UNTOUCHED = """
import itertools, warnings
warnings.simplefilter("ignore")
import mmcv, mmcv.runner, mmdet.apis, mmdet.datasets, mmdet.models, torch, torch.utils.data
modules = [itertools, torch, torch.utils.data, torch.utils.data.dataloader, mmcv, mmcv.parallel, mmcv.runner,
           mmdet, mmdet.apis, mmdet.core, mmdet.datasets, mmdet.datasets.coco, mmdet.datasets.builder]
classes = [mmdet.datasets.CocoDataset, mmdet.datasets.CustomDataset, mmcv.runner.EpochBasedRunner,
           mmcv.runner.IterBasedRunner, mmdet.core.EvalHook, torch.utils.data.DataLoader]

def state():
    public = {(str(owner), name): id(value) for owner in modules + classes
              for name, value in vars(owner).items() if not name.startswith("__")}
    registries = {name: dict(registry.module_dict) for name, registry in (
        ("pipelines", mmdet.datasets.PIPELINES), ("datasets", mmdet.datasets.DATASETS),
        ("hooks", mmcv.runner.HOOKS), ("runners", mmcv.runner.builder.RUNNERS))}
    return public, registries, warnings.filters[:]

before = state()
import penstock.integrations.mmdet
after = state()
new = {key for key in after[0] if after[0][key] != before[0].get(key)}
print(sorted(new), after[1] == before[1], after[2] == before[2])
"""


def run(script: str) -> str:
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    return result.stdout.strip()


@pytest.mark.parametrize("blocked", ["mmdet", "mmcv", "pycocotools"])
def test_the_extra_is_named_where_it_is_missing(mmdet: Any, blocked: str) -> None:
    said = run(BLOCKED.format(blocked=blocked, statement="import penstock.integrations.mmdet"))
    assert f"the integration of MMDetection 2 needs the module '{blocked}" in said
    assert "which is not installed" in said
    assert "pip install 'penstock[mmdet]'" in said


def test_a_pipeline_names_the_extra_too(lake: Any) -> None:
    path = str(lake("jpeg_images"))
    statement = f"penstock.DataLoader({path!r}, tensors={{'img': 'images'}}, transform=[dict(type='Resize')])"
    assert "pip install 'penstock[mmdet]'" in run(BLOCKED.format(blocked="mmdet", statement=statement))


def test_penstock_itself_imports_no_framework() -> None:
    loaded = run("import sys, penstock; print({'mmdet', 'mmcv', 'deeplake', 'cv2'} & set(sys.modules))")
    assert loaded == "set()"


def test_importing_the_integration_changes_nothing(mmdet: Any) -> None:
    assert run(UNTOUCHED) == "[] True True"


def test_wandb_is_not_imported() -> None:
    code = "import sys, warnings; warnings.simplefilter('ignore'); import penstock.integrations.mmdet"
    code += "; sys.exit('wandb' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
