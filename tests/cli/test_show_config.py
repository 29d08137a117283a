"""penstock show --config: what comes out of a pipeline, by the picture's pixels and by what --json says."""

from __future__ import annotations

import pprint
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import penstock
from support.coco_lakes import CocoPair, write_awkward_coco
from support.detection import LOAD, NORM, TEST_PIPELINE, augmenting, stock_dataset
from support.lake import new_lake

Command = Callable[..., Any]
Pixels = npt.NDArray[np.uint8]

#: An image is as large as its place in a picture: its pixels are not resized.
SIDE, MARGIN = 320, 6
#: Left, top, right, bottom of the objects of each image; the images' upper halves are free of them.
BOXES = [[(40, 200, 120, 280), (150, 180, 170, 300)], [(200, 210, 300, 310)], [(10, 170, 90, 190)]]
BUNDLE, COLLECT = {"type": "DefaultFormatBundle"}, {"type": "Collect", "keys": ["img", "gt_bboxes", "gt_labels"]}
#: Without RandomFlip there is no "flip" among the notes, which Collect takes by default.
UNMOVED = {"meta_keys": ("filename", "ori_shape", "img_shape", "pad_shape", "scale_factor", "img_norm_cfg")}
FORMAT = [BUNDLE, {**COLLECT, **UNMOVED}]
WITH_MASKS = [
    {"type": "DefaultFormatBundle"},
    {"type": "Collect", "keys": ["img", "gt_bboxes", "gt_labels", "gt_masks"]},
]
LOAD_MASKS = [LOAD[0], {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True}]
NORMALIZE = {"type": "Normalize", **NORM}
PLAIN_NORM = {"type": "Normalize", "mean": [0, 0, 0], "std": [255, 255, 255], "to_rgb": False}


@pytest.fixture(scope="module")
def squares(mmdet: Any, deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images: red, green and blue with noise; rectangles as boxes and as polygons."""
    path = tmp_path_factory.mktemp("squares") / "lake"
    rng = np.random.default_rng(3)
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="png")
        lake.create_tensor("boxes", htype="bbox", coords={"type": "pixel", "mode": "LTRB"})
        lake.create_tensor("labels", htype="class_label", class_names=["cat", "dog"])
        lake.create_tensor("masks", htype="polygon")
        lake.create_tensor("areas", dtype="float64")
        for number, boxes in enumerate(BOXES):
            image = rng.integers(0, 60, (SIDE, SIDE, 3), dtype=np.uint8)
            image[..., number] += 180
            lake.images.append(image)
            lake.boxes.append(np.array(boxes, np.float32))
            lake.labels.append(np.arange(len(boxes), dtype=np.uint32))
            lake.masks.append([outline(box) for box in boxes])
            lake.areas.append(np.array([float((r - left) * (b - t)) for left, t, r, b in boxes]))
    return path


def outline(box: tuple[int, int, int, int]) -> Any:
    left, top, right, bottom = box
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


@pytest.fixture(scope="module")
def awkward(mmdet: Any, deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> CocoPair:
    return write_awkward_coco(tmp_path_factory.mktemp("awkward"))


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[..., Path]:
    def write(train: Any, val: Any = TEST_PIPELINE, split: dict[str, Any] | None = None, **others: Any) -> Path:
        path = tmp_path / "config.py"
        data = {
            "samples_per_gpu": 2,
            "workers_per_gpu": 2,
            "train": {"type": "CocoDataset", "ann_file": "nowhere.json", "pipeline": train, **(split or {})},
            "val": {"pipeline": val, **(split or {})},
        }
        path.write_text(f"data = {pprint.pformat(data)}\n" + "".join(f"{k} = {v!r}\n" for k, v in others.items()))
        return path

    return write


@pytest.fixture
def shown(tmp_path: Path, penstock_command: Command) -> Callable[..., tuple[list[dict[str, Any]], list[Pixels]]]:
    """Runs the command; what it says, and the places of the images in the picture, cut to the size of a cell."""

    def show(*arguments: object, cell: int = SIDE) -> tuple[list[dict[str, Any]], list[Pixels]]:
        out = tmp_path / "x.png"
        result = penstock_command("show", *arguments, "--out", out, "--json", "--cell", cell)
        assert result.err == ""
        with Image.open(out) as picture:
            pixels = np.array(picture.convert("RGB"))
        columns = (pixels.shape[1] - MARGIN) // (cell + MARGIN)
        said = result.json
        cells = []
        for number in range(len(said)):
            row, column = divmod(number, columns)
            top, left = MARGIN + row * (cell + MARGIN), MARGIN + column * (cell + MARGIN)
            cells.append(pixels[top : top + cell, left : left + cell])
        return said, cells

    return show


def untouched(pixels: Pixels) -> Pixels:
    """The part of an image that has no boxes."""
    return pixels[:160]


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize(
    "steps",
    [
        [*LOAD],
        [*LOAD, NORMALIZE],
        [*LOAD, PLAIN_NORM],
        [{**LOAD[0], "to_float32": True}, LOAD[1]],
        [{**LOAD[0], "channel_order": "rgb"}, LOAD[1]],
        [{**LOAD[0], "channel_order": "rgb"}, LOAD[1], PLAIN_NORM],
        [*LOAD, NORMALIZE, {"type": "Pad", "size_divisor": 32}],
    ],
    ids=["plain", "normalized", "normalized as BGR", "float", "RGB", "RGB normalized", "padded"],
)
def test_colors_are_the_datasets(
    loader_type: str, steps: Any, squares: Path, write_config: Any, shown: Any
) -> None:
    """Whatever a pipeline does to numbers and channels, a red image shows red, to the last bit."""
    said, cells = shown(squares, "--config", write_config([*steps, *FORMAT]), "--loader-type", loader_type)
    images = penstock.open(squares)["images"]
    assert [entry["index"] for entry in said] == [0, 1, 2]
    for entry, cell in zip(said, cells, strict=True):
        np.testing.assert_array_equal(untouched(cell), untouched(images.read(entry["index"], "rgb")))
        assert entry["boxes"] == [list(map(float, box)) for box in BOXES[entry["index"]]]
        assert entry["labels"] == ["cat", "dog"][: len(entry["boxes"])]


def test_gray_images(squares: Path, write_config: Any, shown: Any) -> None:
    steps = [{**LOAD[0], "color_type": "grayscale"}, LOAD[1]]
    _, cells = shown(squares, "--config", write_config([*steps, *FORMAT]))
    for number, cell in enumerate(cells):
        gray = penstock.open(squares)["images"].read(number, "gray")
        np.testing.assert_array_equal(untouched(cell), untouched(np.repeat(gray[..., None], 3, axis=2)))


def test_boxes_lie_where_the_image_has_been_moved(squares: Path, write_config: Any, shown: Any) -> None:
    """A picture that is drawn from the dataset by hand, flipped by Pillow."""
    steps = [*LOAD, {"type": "RandomFlip", "flip_ratio": 1.0, "direction": "vertical"}, NORMALIZE, BUNDLE, COLLECT]
    said, cells = shown(squares, "--config", write_config(steps))
    for entry, cell in zip(said, cells, strict=True):
        image = penstock.open(squares)["images"].read(entry["index"], "rgb")
        flipped = np.array(Image.fromarray(image).transpose(Image.Transpose.FLIP_TOP_BOTTOM))
        np.testing.assert_array_equal(cell[-160:], flipped[-160:])
        assert entry["flip"] == "vertical"
        for (left, top, right, bottom), box in zip(BOXES[entry["index"]], entry["boxes"], strict=True):
            assert box == [left, SIDE - bottom, right, SIDE - top]
            # A frame of two pixels, in one color that the image does not have.
            frame = cell[round(box[3]), left + 5 : right - 5]
            assert len(np.unique(frame, axis=0)) == 1
            assert not (frame == flipped[round(box[3]), left + 5 : right - 5]).all()
            inside = np.s_[round(box[1]) + 30 : round(box[3]) - 5, left + 5 : right - 5]
            np.testing.assert_array_equal(cell[inside], flipped[inside])


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("poly2mask", [True, False])
def test_masks_as_fed(poly2mask: bool, squares: Path, write_config: Any, shown: Any) -> None:
    load = [LOAD[0], {**LOAD_MASKS[1], "poly2mask": poly2mask}]
    flip = {"type": "RandomFlip", "flip_ratio": 1.0}
    said, cells = shown(squares, "--config", write_config([*load, flip, NORMALIZE, *WITH_MASKS]))
    for entry, cell in zip(said, cells, strict=True):
        image = penstock.open(squares)["images"].read(entry["index"], "rgb")[:, ::-1]
        boxes = [(SIDE - right, top, SIDE - left, bottom) for left, top, right, bottom in BOXES[entry["index"]]]
        assert entry["mask_areas"] == [(right - left) * (bottom - top) for left, top, right, bottom in boxes]
        np.testing.assert_array_equal(untouched(cell), untouched(image))
        tints = []
        for left, top, right, bottom in boxes:
            # Below the text of the box, within its frame.
            inside = np.s_[top + 16 : bottom - 2, left + 2 : right - 2]
            tint = 2 * cell[inside].astype(int) - image[inside]
            assert np.ptp(tint, axis=(0, 1)).max() <= 1  # half of one color, rounded
            tints.append(tuple(np.median(tint, axis=(0, 1))))
        assert len(set(tints)) == len(boxes)


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("split", ["train", "val"])
def test_both_loader_types_show_the_same(
    split: str, awkward: CocoPair, write_config: Any, shown: Any
) -> None:
    config = write_config(augmenting())
    options = ("--config", config, "--split", split, "--seed", 7, *(["--shuffle"] if split == "train" else []))
    native, python = (shown(awkward.lake, *options, "--loader-type", kind) for kind in ("c++", "python"))
    assert native[0] == python[0]
    # All of them; in training without those that are filtered, and filled up to whole batches of one group.
    assert len({entry["index"] for entry in native[0]}) == (12 if split == "train" else 16)
    for one, other in zip(native[1], python[1], strict=True):
        difference = np.abs(one.astype(int) - other)
        assert np.mean(difference > 2) < 1e-3


def test_seed_epoch_and_order(awkward: CocoPair, write_config: Any, shown: Any) -> None:
    def said(*options: object, **keys: Any) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = shown(awkward.lake, "--config", write_config(augmenting(), **keys), *options)[0]
        return entries

    first = said("-n", 5)
    assert [entry["index"] for entry in first] == sorted({entry["index"] for entry in first})
    assert first == said("-n", 5, "--seed", 0, "--epoch", 0)
    assert said(seed=4) == said("--seed", 4) != said("--seed", 5) != said("--epoch", 1)
    orders = [[entry["index"] for entry in said("--shuffle", "--epoch", epoch)] for epoch in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert {*orders[0]} == {*orders[2]} > {entry["index"] for entry in first}


REJECTING = [
    *LOAD,
    {"type": "FilterAnnotations", "min_gt_bbox_wh": (28, 28)},
    {"type": "Resize", "img_scale": (90, 90)},
    {"type": "Pad", "size": (96, 96)},
    *FORMAT,
]


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("pipeline", [augmenting(), REJECTING], ids=["augmenting", "rejecting"])
def test_what_is_fed_is_what_training_loads(
    pipeline: Any, loader_type: str, awkward: CocoPair, write_config: Any, shown: Any
) -> None:
    """Also where another sample takes the place of a rejected one."""
    from penstock.integrations.mmdet.split_loader import build_split_loader, read_config

    config = write_config(pipeline, seed=2, deeplake_dataloader_type=loader_type)
    said, _ = shown(awkward.lake, "--config", config, "--shuffle", "--epoch", 3, "-n", 6)
    loader = build_split_loader(read_config(config), "train", awkward.lake)
    loader.set_epoch(3)
    with loader:
        batches = [batch for batch, _ in zip(loader, range(3), strict=False)]
    metas = [meta for batch in batches for meta in batch["img_metas"].data[0]]
    boxes = [boxes.tolist() for batch in batches for boxes in batch["gt_bboxes"].data[0]]
    loader.set_epoch(3)
    planned = [index for _, indices in zip(range(3), loader.batch_sampler, strict=False) for index in indices]
    replaced = [entry["index"] for entry in said] != planned
    assert replaced == (pipeline is REJECTING)
    assert [entry["file"] for entry in said] == [meta["filename"] for meta in metas]
    assert [entry["boxes"] for entry in said] == boxes
    sizes = [size for batch in batches for size in [tuple(batch["img"].data[0].shape[-2:])] * 2]
    assert [(entry["height"], entry["width"]) for entry in said] == sizes


GEOMETRY = [
    {"type": "Resize", "img_scale": [(500, 260), (700, 400)], "keep_ratio": True},
    {"type": "RandomFlip", "flip_ratio": 0.9, "direction": ["horizontal", "vertical", "diagonal"]},
    NORMALIZE,
    {"type": "Pad", "size_divisor": 64},
]


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("poly2mask", [True, False])
def test_back_on_the_original(poly2mask: bool, squares: Path, write_config: Any, shown: Any) -> None:
    load = [LOAD[0], {**LOAD_MASKS[1], "poly2mask": poly2mask}]
    config = write_config([*load, *GEOMETRY, *WITH_MASKS])
    flips = set()
    for epoch in range(4):
        said, cells = shown(squares, "--config", config, "--as", "original", "--epoch", epoch)
        for entry, cell in zip(said, cells, strict=True):
            image = penstock.open(squares)["images"].read(entry["index"], "rgb")
            np.testing.assert_array_equal(untouched(cell), untouched(image))
            np.testing.assert_allclose(entry["boxes"], BOXES[entry["index"]], atol=1e-3)
            for area, (left, top, right, bottom) in zip(entry["mask_areas"], BOXES[entry["index"]], strict=True):
                assert area == pytest.approx((right - left) * (bottom - top), rel=0.06)
            flips.add(entry["flip"])
    assert len(flips) == 4


def test_ignored_boxes_are_dashed(awkward: CocoPair, write_config: Any, shown: Any) -> None:
    keys = ["img", "gt_bboxes", "gt_labels", "gt_bboxes_ignore"]
    config = write_config([*LOAD, BUNDLE, {**COLLECT, **UNMOVED, "keys": keys}])
    said, cells = shown(awkward.lake, "--config", config)
    stock = {info["filename"]: i for i, info in enumerate(stock_dataset(awkward, LOAD).data_infos)}
    crowds = 0
    for entry, cell in zip(said, cells, strict=True):
        annotations = stock_dataset(awkward, LOAD).get_ann_info(stock[entry["file"]])
        assert entry["boxes"] == annotations["bboxes"].tolist()
        assert entry["ignored_boxes"] == annotations["bboxes_ignore"].tolist()
        gray = (cell == 150).all(axis=2).sum()
        assert (gray > 60) == bool(entry["ignored_boxes"])
        crowds += len(entry["ignored_boxes"])
    assert crowds > 2


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("drawn_as", ["fed", "original"])
def test_validation_with_what_it_is_measured_against(
    drawn_as: str, squares: Path, write_config: Any, shown: Any
) -> None:
    """Two views of each image; masks from the dataset although the pipeline loads none."""
    augment = {**TEST_PIPELINE[1], "flip": True, "img_scale": (160, 160)}
    config = write_config(LOAD, [LOAD[0], augment])
    said, cells = shown(squares, "--config", config, "--split", "val", "--as", drawn_as, "-n", 2)
    assert [(entry["index"], entry["view"], entry["flip"]) for entry in said] == [
        (0, 0, None),
        (0, 1, "horizontal"),
        (1, 0, None),
        (1, 1, "horizontal"),
    ]
    for entry, cell in zip(said, cells, strict=True):
        boxes = np.array(BOXES[entry["index"]], float)
        image = penstock.open(squares)["images"].read(entry["index"], "rgb")
        if drawn_as == "fed":
            boxes /= 2
            if entry["flip"]:
                boxes[:, [0, 2]] = 160 - boxes[:, [2, 0]]
                image = image[:, ::-1]
            image = cv2.resize(cv2.resize(image, (160, 160)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        np.testing.assert_allclose(entry["boxes"], boxes)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        np.testing.assert_allclose(entry["mask_areas"], areas, rtol=0.05)
        assert (entry["height"], entry["width"]) == ((160, 160) if drawn_as == "fed" else (SIDE, SIDE))
        assert np.abs(untouched(cell).astype(int) - untouched(image)).mean() < 3


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_mixed_images(loader_type: str, squares: Path, write_config: Any, shown: Any) -> None:
    mosaic = [
        *LOAD,
        {"type": "Mosaic", "img_scale": (SIDE // 2, SIDE // 2), "pad_val": 114.0},
        {"type": "MixUp", "img_scale": (SIDE, SIDE), "ratio_range": (0.8, 1.6), "pad_val": 114},
        *FORMAT,
    ]
    said, cells = shown(squares, "--config", write_config(mosaic), "--loader-type", loader_type)
    assert [entry["index"] for entry in said] == [0, 1, 2]
    # Of several images each.
    assert max(len(entry["boxes"]) for entry in said) > 2
    assert all(cell.std(axis=(0, 1)).min() > 10 for cell in cells)


def test_the_configurations_own_dataset(squares: Path, write_config: Any, shown: Any) -> None:
    config = write_config([*LOAD, *FORMAT], split={"deeplake_path": str(squares), "classes": ["dog"]})
    said, _ = shown("--config", config)
    # Images without dogs are left out.
    assert [(entry["index"], entry["labels"], entry["dataset"]) for entry in said] == [(0, ["dog"], str(squares))]


def test_batches_without_a_bundle(squares: Path, write_config: Any, shown: Any) -> None:
    collect = {"type": "Collect", "keys": ["img"], "meta_keys": ["filename"]}
    config = write_config([*LOAD, NORMALIZE, {"type": "ImageToTensor", "keys": ["img"]}, collect])
    said, cells = shown(squares, "--config", config)
    assert [entry["boxes"] for entry in said] == [[], [], []]
    np.testing.assert_array_equal(cells[1], penstock.open(squares)["images"].read(1, "rgb"))


_NO_SCALE = {"type": "Collect", "keys": ["img"], "meta_keys": ["filename", "flip", "flip_direction"]}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([*LOAD, {"type": "Expand"}, *FORMAT], "after 'Expand' it is not known where a sample lies in its image"),
        ([*LOAD, {"type": "Mosaic"}, *FORMAT], "after 'Mosaic' it is not known"),
        ([*LOAD, *GEOMETRY, FORMAT[0], _NO_SCALE], "Collect's meta_keys leave out 'scale_factor'"),
    ],
    ids=["expand", "mosaic", "meta_keys"],
)
def test_what_cannot_be_undone(
    steps: Any, said: str, squares: Path, write_config: Any, tmp_path: Path, penstock_command: Command
) -> None:
    options = ("--config", write_config(steps), "--out", tmp_path / "x.png")
    result = penstock_command("show", squares, *options, "--as", "original")
    assert result.status == 1
    assert said in result.err
    assert penstock_command("show", squares, *options).status == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--split", "test"], "data.test: there is no pipeline"),
        (["--images", "images"], "--images does not go with --config, where data.train.deeplake_tensors names it"),
        (["--shuffle", "--split", "val"], "--shuffle does not go with --split val"),
        (["--loader-type", "rust"], "deeplake_dataloader_type: there is no 'rust'"),
        (["--epoch", -1], "--epoch must be at least 0, got -1"),
        (["--cell", 3], "--cell must be at least 16, got 3"),
        (["-n", 0], "-n must be at least 1"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_wrong_requests(
    options: list[Any], said: str, squares: Path, write_config: Any, tmp_path: Path, penstock_command: Command
) -> None:
    config = write_config([*LOAD, *FORMAT])
    result = penstock_command("show", squares, "--config", config, "--out", tmp_path / "x.png", *options)
    assert result.status == 1
    assert said in result.err
    assert not (tmp_path / "x.png").exists()


def test_requests_without_a_dataset(
    squares: Path, write_config: Any, tmp_path: Path, penstock_command: Command
) -> None:
    config = write_config([*LOAD, *FORMAT])
    wrapped = tmp_path / "wrapped_config.py"
    repeated = "dict(type='RepeatDataset', times=2, dataset=data['train'])"
    wrapped.write_text(f"{config.read_text()}data['train'] = {repeated}")
    for options, said in (
        ([], "PATH is missing: name a dataset, or a configuration with --config"),
        ([squares, "--split", "train"], "--split goes with --config"),
        ([squares, "--as", "fed"], "--as goes with --config"),
        (["--config", config], "config.py' has no deeplake_path. Give PATH"),
        (["--config", wrapped], "config.py' has no deeplake_path. Give PATH"),
        (["--config", config, "--commit", "a1"], "--commit goes with PATH; in a configuration it is data.train"),
        ([squares, "--config", tmp_path / "none.py"], "none.py' cannot be read"),
        ([squares, "--config", write_config(LOAD)], "the pipeline does not end with Collect"),
    ):
        result = penstock_command("show", *options, "--out", tmp_path / "x.png")
        assert result.status == 1
        assert said in result.err


def test_without_mmdetection_the_error_names_the_extra(
    squares: Path, write_config: Any, tmp_path: Path, penstock_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_config([*LOAD, *FORMAT])
    for name in [name for name in sys.modules if name.startswith("penstock.integrations.mmdet")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mmdet", None)
    result = penstock_command("show", squares, "--config", config, "--out", tmp_path / "x.png")
    assert result.status == 1
    assert "penstock[mmdet]" in result.err
