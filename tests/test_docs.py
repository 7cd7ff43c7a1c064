"""What the documents say is so: the table of combinations, the functions and files they name."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from nmt.combinations import markdown_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def test_the_table_of_combinations_is_the_one_that_is_checked() -> None:
    assert f"<!-- table: combinations -->\n{markdown_table()}<!-- end -->" in ARCHITECTURE


def test_the_walk_names_functions_that_exist() -> None:
    walk = README.split("## Follow one sentence")[1].split("\n## ")[0]
    names = re.findall(r"`(nmt\.[\w.]+)`", walk)
    assert len(names) >= 7
    for name in names:
        module, *attributes = _split(name)
        found = import_module(module)
        for attribute in attributes:
            found = getattr(found, attribute)


def _split(name: str) -> list[str]:
    """`nmt.model.EncoderDecoder.encode` → the module `nmt.model`, then the names in it."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if Path(ROOT, *parts[:end]).with_suffix(".py").exists() or Path(ROOT, *parts[:end], "__init__.py").exists():
            return [".".join(parts[:end]), *parts[end:]]
    raise AssertionError(f"{name}: no such module")


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "docs/architecture.md",
        "docs/formats.md",
        "docs/attention.md",
        "docs/reliability.md",
        "data/README.md",
    ],
)
def test_links_inside_the_repository_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert ((ROOT / document).parent / target).exists(), target


def test_every_file_of_the_map_exists() -> None:
    tree = ARCHITECTURE.split("## Where things stand")[1].split("```")[1]
    for name in re.findall(r"([\w]+(?:\.py|/))\s", tree):
        if name != "nmt/":
            assert any((ROOT / "nmt").rglob(name.rstrip("/"))), name


def test_every_module_and_folder_at_the_top_stands_on_the_map() -> None:
    tree = ARCHITECTURE.split("## Where things stand")[1].split("```")[1]
    for path in (ROOT / "nmt").iterdir():
        if path.suffix == ".py" or path.is_dir():
            assert path.name.startswith("_") or re.search(rf"\b{path.name}", tree), path.name
