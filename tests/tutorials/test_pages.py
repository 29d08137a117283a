"""The pages of the tutorials: their code is that of the scripts, word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from support.require import PROJECT_ROOT
from support.tutorials import TUTORIALS

PAGES = PROJECT_ROOT / "docs" / "tutorials"
#: Of each page the scripts that it is about.
SCRIPTS = {
    "coco-mmdetection-2": ["coco_mmdetection_2"],
    "coco-mmdetection-3": ["coco_mmdetection_3"],
    "detectron2": ["detectron2_training"],
    "classification": ["classification", "classification_lightning"],
    "streaming": ["streaming"],
    "several-gpus": ["several_gpus", "several_gpus_ray"],
    "resume": ["resume", "resume_mmdetection"],
    "wandb": ["wandb_hook"],
    "what-limits-me": ["what_limits_me"],
}
_BLOCK = re.compile(r"^(?:<!-- block: (?P<rule>[^\n]*?) -->\n)?```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def lines(code: str) -> list[str]:
    """Without indentation: a page shows parts of functions, too."""
    return [line.strip() for line in code.splitlines() if line.strip()]


def stands_in(part: list[str], whole: list[str]) -> bool:
    return any(whole[start : start + len(part)] == part for start in range(len(whole)))


def test_each_script_has_its_page() -> None:
    named = {name for names in SCRIPTS.values() for name in names}
    assert {file.stem for file in TUTORIALS.glob("*.py")} - {"sample_data"} == named
    assert all((PAGES / f"{page}.md").is_file() for page in SCRIPTS)


@pytest.mark.parametrize("page", SCRIPTS)
def test_the_code_of_a_page_is_the_script_s(page: str) -> None:
    text = (PAGES / f"{page}.md").read_text()
    blocks = [(found["rule"], found["code"]) for found in _BLOCK.finditer(text)]
    assert len(blocks) == text.count("```python\n") > 0
    shown = set()
    for rule, code in blocks:
        source = PROJECT_ROOT / str(rule).removeprefix("excerpt of ")
        assert source.parent == TUTORIALS and source.stem in SCRIPTS[page], code
        assert stands_in(lines(code), lines(source.read_text())), f"{source.name} does not have these lines:\n{code}"
        shown.add(source.stem)
    assert shown == set(SCRIPTS[page])


def test_a_block_that_differs_is_found() -> None:
    written = lines((TUTORIALS / "resume.py").read_text())
    assert stands_in(["torch.save(run, new)", "new.replace(file)"], written)
    assert not stands_in(["torch.save(run, new)", "torch.save(run, new)"], written)


@pytest.mark.parametrize("page", SCRIPTS)
def test_what_a_page_links_to_is_there(page: str) -> None:
    text = (PAGES / f"{page}.md").read_text()
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    assert all((PAGES / link).exists() for link in links if not link.startswith("http")), links
    for script in SCRIPTS[page]:
        assert f"../../examples/tutorials/{script}.py" in links


def test_pictures_are_small_and_used() -> None:
    used = {Path(name) for page in PAGES.glob("*.md") for name in re.findall(r"\]\((images/[^)]+)\)", page.read_text())}
    kept = {file.relative_to(PAGES) for file in (PAGES / "images").iterdir()}
    assert kept and kept == used & kept
    for name in kept:
        with Image.open(PAGES / name) as picture:
            assert picture.format == "PNG"
        assert (PAGES / name).stat().st_size < 150_000
