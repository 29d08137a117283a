"""The runner of code blocks itself: what is wrong in a page fails, and the message names file and line."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from support.doc_blocks import BlockError, blocks_of, pages
from support.doc_pages import run_page
from support.doc_world import Lakes, World
from support.require import PROJECT_ROOT


@pytest.fixture
def run(doc_lakes: Lakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a page of this text, in a new folder."""
    numbers = itertools.count()

    def page(text: str, environment: str = "main") -> int:
        folder = tmp_path / f"world{next(numbers)}"
        folder.mkdir()
        monkeypatch.chdir(folder)
        file = tmp_path / "page.md"
        file.write_text(text, encoding="utf-8")
        return run_page(file, World(folder, doc_lakes), environment)

    return page


def block(text: str, language: str = "python", rule: str = "") -> str:
    """A block in a page; its first line is line 3, or 4 below a rule."""
    comment = f"<!-- block: {rule} -->\n" if rule else ""
    return f"# A page\n{comment}```{language}\n{text}\n```\n"


FAILING = {
    "a block that raises": (block("x = 1\nx / 0"), r"page\.md:4: ZeroDivisionError"),
    "a block in a list": ("1. A step:\n\n   ```python\n   x = 1\n   undefined\n   ```\n", r"page\.md:5: NameError"),
    "what a function of a block raises": (block("def f():\n    return {}[1]\n\nf()"), r"page\.md:4: KeyError"),
    "no Python": (block("x = = 1"), r"page\.md:3: invalid syntax"),
    "no language": (block("x = 1", ""), r"page\.md:3: a block without a language"),
    "an unknown language": (block("x = 1", "pascal"), r"page\.md:3: no language 'pascal'"),
    "an indented block": ("Text:\n\n    code\n", r"page\.md:3: an indented block"),
    "an unknown rule": (block("x = 1", rule="skip it"), r"page\.md:2: no rule 'skip it'"),
    "an unknown reason": (block("x = 1", rule="not run, I am lazy"), r"page\.md:2: 'I am lazy' is not one of"),
    "a rule without a block": ("<!-- block: output -->\n\nText.\n", r"page\.md:1: no block follows"),
    "a rule at the end": ("Text.\n\n<!-- block: output -->\n", r"page\.md:3: no block follows"),
    "a name that does not exist": (
        block("from penstock import Loader", rule="not run, needs a GPU"),
        r"page\.md:4: module 'penstock' has no 'Loader'",
    ),
    "an attribute that does not exist": (
        block("import penstock\npenstock.load(1)", rule="not run, needs a GPU"),
        r"page\.md:5: module 'penstock' has no 'load'",
    ),
    "a module that does not exist": (
        block("import penstock.magic", rule="not run, takes long"),
        r"page\.md:4: no module 'penstock\.magic'",
    ),
    "a name of an integration that is not installed": (
        block("from penstock.integrations.detectron2 import build", rule="with detectron2"),
        r"page\.md:4: module 'penstock\.integrations\.detectron2' has no 'build'",
    ),
    "a command that fails": (block("penstock info nothing", "sh"), r"page\.md:3: .* info ended with 1: .*nothing"),
    "the second command of a line": (
        block("penstock --version && penstock info nothing", "sh"),
        r"page\.md:3: penstock info ended with 1",
    ),
    "an option that does not exist": (block("penstock info my_dataset --fast", "sh"), r"page\.md:3: .*ended with 2"),
    "an option of a command that is not run": (
        block("penstock bench my_dataset --fast", "sh", "not run, takes long"),
        r"page\.md:4: the arguments are refused: .*--fast",
    ),
    "an unknown program": (block("# first\nrm -rf my_dataset", "sh"), r"page\.md:4: no rule for the program 'rm'"),
    "a pipe": (block("penstock info my_dataset | sort", "sh"), r"page\.md:3: no rule for '\|'"),
    "an extra that does not exist": (block("pip install 'penstock[magic]'", "sh"), r"page\.md:3: .* no extra 'magic'"),
    "a package that nobody knows": (block("pip install left-pad", "sh"), r"page\.md:3: .*the package 'left-pad'"),
    "a system package": (block("apt-get install libmagic-dev", "sh"), r"page\.md:3: .*the package 'libmagic-dev'"),
    "a target that does not exist": (block("make magic", "sh"), r"page\.md:3: the Makefile has no target 'magic'"),
    "a preset that does not exist": (block("cmake --preset magic", "sh"), r"page\.md:3: .*no preset 'magic'"),
    "a script that does not exist": (block("python benchmarks/magic.py", "sh"), r"page\.md:3: no script"),
    "an argument of a script": (
        block("python benchmarks/decode.py build/bench-dataset --magic", "sh"),
        r"page\.md:3: the arguments are refused: .*--magic",
    ),
    "a test that does not exist": (block("python -m pytest tests/magic", "sh"), r"page\.md:3: no tests/magic"),
    "a script of an environment that no test has": (
        block("python examples/magic.py", "sh", "with detectron2"),
        r"page\.md:4: no script examples/magic\.py",
    ),
    "JSON": (block("{'a': 1}", "json"), r"page\.md:3: "),
    "TOML": (block("a = ", "toml"), r"page\.md:3: "),
    "YAML": (block("a: [1", "yaml"), r"page\.md:3: "),
    "another output": (
        block("print(1 + 1)") + "<!-- block: output -->\n```text\n3\n```\n",
        r"page\.md:7: the output is another one:\n2",
    ),
    "a file that nobody uses": (block("x = 1", rule="file train.py"), r"page\.md:4: no later block uses the file"),
    "a script of the page that fails": (
        block("raise SystemExit('no data')", rule="file train.py") + "```sh\npython train.py\n```\n",
        r"page\.md:7: 'train\.py' ended with 1: no data",
    ),
    "an excerpt of nothing": (
        block("class Magic:", rule="excerpt of python/penstock/loader.py"),
        r"page\.md:4: python/penstock/loader\.py does not have these lines",
    ),
    "an excerpt of no file": (block("x = 1", rule="excerpt of magic.py"), r"page\.md:2: no file magic\.py"),
    "a configuration in another language": (block("a: 1", "yaml", "configuration of mmdet"), r"page\.md:4: "),
}


@pytest.mark.parametrize("text, message", FAILING.values(), ids=list(FAILING))
def test_what_is_wrong_fails(text: str, message: str, run: Callable[..., int]) -> None:
    with pytest.raises(BlockError, match=message):
        run(text)


def test_a_configuration_that_does_not_load(run: Callable[..., int], mmdet: object) -> None:
    rule = "configuration of mmdet, added to examples/configs/shapes.py"
    assert run(block('data = dict(samples_per_gpu=2, train=dict(deeplake_path="train_dataset"))', rule=rule)) == 1
    with pytest.raises(BlockError, match=r"page\.md:4: .*no_dataset"):
        run(block('data = dict(samples_per_gpu=2, train=dict(deeplake_path="no_dataset"))', rule=rule))


def test_blocks_share_a_namespace_and_a_folder(run: Callable[..., int]) -> None:
    page = block("numbers = [1, 2]") + block("from pathlib import Path\nPath('made').write_text(str(sum(numbers)))")
    page += block("assert Path('made').read_text() == '3'") + "<!-- block: with ffcv -->\n```python\nimport ffcv\n```\n"
    assert run(page) == 4


def test_outputs_with_gaps(run: Callable[..., int]) -> None:
    said = "<!-- block: output -->\n```text\n...\n24 samples, ...\nimages ... jpeg ...\nmasks ...\n```\n"
    assert run(block("penstock info my_dataset", "sh") + said) == 2
    with pytest.raises(BlockError, match=r"page\.md:7: the output is another one"):
        run(block("penstock info my_dataset", "sh") + said.replace("24 samples", "25 samples"))


def test_a_dataset_that_a_command_makes_is_not_there_before(run: Callable[..., int]) -> None:
    assert run(block("penstock ingest-folder folder my_dataset\npenstock info my_dataset", "sh")) == 1


def test_blocks_of_another_environment_are_left_to_it(run: Callable[..., int]) -> None:
    page = block("here = 1") + block("raise ValueError", rule="with mmdet3")
    assert run(page) == 2
    with pytest.raises(BlockError, match=r"page\.md:8: ValueError"):
        run(page, "mmdet3")


def test_all_kinds_of_pages_are_found() -> None:
    found = {str(page.relative_to(PROJECT_ROOT)) for page in pages()}
    assert {"README.md", "CONTRIBUTING.md", "benchmarks/README.md", "python/penstock/README.md"} <= found
    assert {"csrc/README.md", "csrc/decode/jpeg/README.md", "docs/how-to/loader.md", "docs/install.md"} <= found
    assert sum(len(blocks_of(page)) for page in pages()) > 40
