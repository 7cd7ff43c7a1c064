"""configs/zoo: one recipe for each mechanism, which differs from its neighbours only in the lines that matter."""

from collections.abc import Iterator
from difflib import unified_diff
from functools import cache
from pathlib import Path

import pytest
import yaml

from nmt.cli.listing import listed_parts, shown_by
from nmt.config import Config, load_config
from nmt.settings import Settings, named_options, shown

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(ROOT.glob("configs/zoo/*.yaml"))
BASE = ROOT / "configs/zoo/score_additive.yaml"
SHOWN = {
    file: options
    for key, union in listed_parts()
    for name, options in named_options(union).items()
    if (file := shown_by(key, name))
}

read = cache(load_config)


def sections(part: Settings) -> Iterator[Settings]:
    """The section and all inside of it."""
    yield part
    for _, value in part:
        if isinstance(value, Settings):
            yield from sections(value)


@pytest.mark.parametrize("file", SHOWN)
def test_every_part_has_the_recipe_that_the_listing_names(file: str) -> None:
    assert SHOWN[file] in {type(section) for section in sections(read(ROOT / file).model)}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_recipe_beside_them_sets_the_key_that_is_said_to_show_it(path: Path) -> None:
    keys = [
        type(section).model_fields[key] for section in sections(read(path).model) for key in section.model_fields_set
    ]
    asked = {recipe for field in keys for recipe in shown.marking(field).recipes}
    assert path.stem in asked or str(path.relative_to(ROOT)) in SHOWN


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_recipe_s_first_line_names_what_it_shows(path: Path) -> None:
    named = path.read_text(encoding="utf-8").removeprefix("# ").split(": ")[0]
    assert named.replace(" ", "_") == path.stem


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_recipes_differ_in_the_lines_that_matter(path: Path) -> None:
    base, own = (file.read_text(encoding="utf-8").splitlines()[1:] for file in (BASE, path))
    assert sum(line.startswith("+") for line in unified_diff(base, own, n=0, lineterm="")) - 1 <= 6


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_all_recipes_have_one_budget(path: Path) -> None:
    def budget(config: Config) -> tuple[int | None, int]:
        return config.training.max_updates, config.training.batch_tokens

    assert budget(read(path)) == budget(read(BASE))


def test_recipes_are_no_copies_of_each_other() -> None:
    texts = [yaml.safe_dump(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in CONFIGS]
    assert len(set(texts)) == len(texts)
