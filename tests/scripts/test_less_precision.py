"""The table of precisions, of figures made up."""

from typing import Any

from experiments import precision


def figures(name: str, valid: float, test: float) -> dict[str, Any]:
    return {"run": "a", "precision": name, "valid": valid, "test": test, "signature": "nrefs:1"}


def test_differences_are_to_float32_of_the_same_run() -> None:
    kept = {f"a {name}": figures(name, *scores) for name, scores in SCORES.items()}
    assert precision.table(kept).splitlines()[2:6] == [
        "| a, float32 | 37.00 |  | 38.00 |  |",
        "| a, bfloat16 | 37.10 | +0.10 | 37.75 | -0.25 |",
        "| a, int8 | 36.90 | -0.10 | 38.00 | +0.00 |",
        "",
    ]


SCORES = {"int8": (36.9, 38.0), "bfloat16": (37.1, 37.75), "float32": (37.0, 38.0)}
