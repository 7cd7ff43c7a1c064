"""Where experiments keep their figures, and how tables in the documents are written from them.

docs/results/<experiment>.json holds one object a name; a table stands in a document between two comment lines
`<!-- table: <name> -->` and `<!-- end -->`, and is only ever written here.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path("docs/results")


def read_results(experiment: str) -> dict[str, Any]:
    """The figures kept so far, by name."""
    path = RESULTS / f"{experiment}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def keep_result(experiment: str, name: str, figures: dict[str, Any]) -> None:
    """Add or replace the figures of one name."""
    results = {**read_results(experiment), name: figures}
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dict(sorted(results.items())), indent=1, ensure_ascii=False)
    (RESULTS / f"{experiment}.json").write_text(text + "\n", encoding="utf-8")


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; columns after the first are right-aligned."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_table(document: Path, name: str, table: str) -> None:
    """Put a table between its two comment lines in a document."""
    text = document.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- table: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    assert pattern.search(text), f"{document} has no place for the table {name}"
    document.write_text(pattern.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text), encoding="utf-8")
