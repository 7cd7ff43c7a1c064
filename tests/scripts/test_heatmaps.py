"""The pictures of where a model looks: over which source, in which colours, and in which order."""

from pathlib import Path

import numpy as np
from experiments import heatmaps
from PIL import Image

from nmt.visualize.heatmap import BLUES


def test_a_picture_in_few_colours_has_no_bands_and_stays_what_it_was() -> None:
    scale = (BLUES(np.linspace(0, 1, 256))[None, :, :3] * 255).round().astype(np.uint8)
    own = np.concatenate([scale, np.full_like(scale, 255), np.zeros_like(scale)])
    few = np.asarray(heatmaps.in_few_colours(Image.fromarray(own)).convert("RGB"))
    assert np.abs(few.astype(int) - own).max() <= 3
    assert len(np.unique(few[0], axis=0)) > 150


def test_pictures_are_joined_row_by_row_each_on_the_foot_of_its_row(tmp_path: Path) -> None:
    greys = {"0": (30, 60), "60": (30, 30), "120": (30, 60), "180": (30, 30)}
    for grey, size in greys.items():
        Image.new("RGB", size, (int(grey),) * 3).save(tmp_path / f"{grey}.png")
    heatmaps.join(
        [[tmp_path / "0.png", tmp_path / "60.png"], [tmp_path / "120.png", tmp_path / "180.png"]], tmp_path / "all.png"
    )
    whole = np.asarray(Image.open(tmp_path / "all.png").convert("L"))
    assert whole.shape == (80, 40)
    found = [whole[y, x] for x, y in ((10, 20), (30, 5), (30, 30), (10, 60), (30, 45), (30, 75))]
    np.testing.assert_allclose(found, [0, 255, 60, 120, 255, 180], atol=4)
