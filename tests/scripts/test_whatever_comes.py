"""Whatever a file holds, there is a value or an error that names it: properties, each on inputs drawn for it.

The promises themselves stand in scripts/experiments/fuzz_*.py, which scripts/experiments/fuzz searches by
coverage; here inputs are drawn by their structure, the same ones every time.
"""

import copy
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from experiments import fuzz
from experiments.fuzz_formats import CONFIG, refused
from experiments.fuzz_runs import FILES, KINDS, SEPARATOR, Damage
from experiments.fuzz_targets import Target, targets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nmt.checkpoint import Run
from nmt.config import Config, load_config
from nmt.data.prepare import prepare
from nmt.data.settings import DataSettings
from nmt.errors import ConfigError
from nmt.settings import members
from nmt.settings_file import key_paths
from nmt.text.tokenizers import TokenizerOptions, load_tokenizers

sys.path.insert(0, str(Path(__file__).parents[1] / "export"))
from random_run import random_run

ROOT = Path(__file__).parents[2]
few = settings(derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
fewer = settings(few, max_examples=20)
fewest = settings(few, max_examples=10)

HAZARDS = [
    "\0",
    "\r",
    "\u2028",
    "\u0085",
    "\ufeff",
    "\u200b",
    "\u200f",
    "e\u0301",
    "👩‍👧",
    "🇩🇪",
    "\t",
    "<unk>",
    "\ue5810",
    "",
]
TEXT = st.text(
    st.sampled_from("ab .▁\\") | st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=9
)
LINE = (TEXT | st.sampled_from(HAZARDS)).map(str.encode) | st.binary(max_size=4).map(
    lambda raw: raw.replace(b"\n", b"")
)
LINES = st.lists(LINE, max_size=5)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(
        [0, -1, 2**31, 10**18, 10**19, 0.5, 1e-300, 1e308, "", "rnn", "beam", "a.en", "1e5", "\0", "é\u2028"]
    )
    | st.floats()
    | st.text(max_size=5)
)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    """The targets that are fuzzed, in a folder of their own."""
    return targets(tmp_path_factory.mktemp("fuzz"))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all parts of a value, itself among them."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from places(part, (*path, key))


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """The value with a few parts removed, replaced, or under another key."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        *path, key = draw(st.sampled_from([path for path in places(value) if path] or [("",)]))
        if not isinstance(value, dict | list) or not value:
            return draw(JSON)
        holder = value
        for step in path:
            holder = holder[step]
        removed = holder.pop(key)
        new = draw(JSON | st.just(removed))
        if isinstance(holder, dict):
            holder[draw(st.just(key) | st.text(max_size=4))] = new
        elif draw(st.booleans()):
            holder.insert(key, new)
    return value


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


# ---- what is fuzzed, from its seeds


@pytest.mark.parametrize("name", fuzz._targets())
def test_the_seeds_are_answered(fuzzed: dict[str, Target], name: str):
    for seed in (*fuzzed[name].seeds, b"", b"\xff", b"\0"):
        fuzzed[name].run(seed)


@pytest.mark.parametrize("name", sorted(fuzz._targets().keys() - {"resume"}))  # whose damage is drawn below
@fewer
@given(data=st.data())
def test_damaged_seeds_are_answered(fuzzed: dict[str, Target], name: str, data: st.DataObject):
    seed = data.draw(st.sampled_from(fuzzed[name].seeds))
    start = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(start, min(len(seed), start + 6)))
    fuzzed[name].run(seed[:start] + data.draw(st.binary(max_size=6)) + seed[end:])


def test_each_defect_that_was_found_is_held_by_a_test_that_exists():
    for found in fuzz.FOUND:
        file, _, test = found.test.partition("::")
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), found.test


# ---- configs

CONFIGS = [yaml.safe_load(path.read_text("utf-8")) for path in sorted((ROOT / "configs").glob("*/*.yaml"))[::6]]
KEYS = [".".join(map(str, path)) for path in key_paths(Config)]


@few
@given(data=st.data())
def test_a_mutated_config_is_a_config_or_refused(fuzzed: dict[str, Target], data: st.DataObject):
    fuzzed["config"].run(as_json(data.draw(mutated(data.draw(st.sampled_from(CONFIGS))))))


@few
@given(
    text=st.lists(
        st.sampled_from(
            [
                "a",
                ": ",
                "\n",
                "  ",
                "- ",
                "[",
                "]",
                "{",
                "}",
                ",",
                "&x ",
                "*x",
                "!!int ",
                "'",
                '"',
                "|\n",
                "? ",
                "#",
                "%",
                "\t",
                "1",
                "~",
                "<<: ",
                "---",
                "\u2028",
                "data",
                "é",
            ]
        ),
        max_size=20,
    )
)
def test_any_yaml_is_a_config_or_refused(fuzzed: dict[str, Target], text: list[str]):
    fuzzed["config"].run("".join(text).encode())


@few
@given(key=st.sampled_from(KEYS) | st.text(max_size=8), value=JSON)
def test_any_assignment_is_taken_or_refused(fuzzed: dict[str, Target], key: str, value: Any):
    fuzzed["set"].run(f"{key}={json.dumps(value)}".encode())


@pytest.mark.parametrize("text", [".".join("a" * 500) + "=1", "training." + "9" * 5000 + "=1", "a" * 9999 + "=[[["])
def test_an_assignment_to_a_key_of_any_size_is_refused(fuzzed: dict[str, Target], text: str):
    fuzzed["set"].run(text.encode())


OF_NAME, OF_LIST = (CONFIG.replace(b"a.en", name) for name in (b"a.en", b"[a.en]"))


@pytest.mark.parametrize(
    ("config", "given"),
    [
        (OF_NAME, "model.encoder.name=null"),
        (OF_NAME, "model.encoder.name=x"),
        (OF_NAME, "model.decoder.bridge.x=1"),
        (OF_NAME, "model.x.y=1"),
        (OF_NAME, "2="),
        (OF_NAME, "2.3=x"),
        (OF_NAME, "data.train.source.0=x"),
        (OF_NAME, "data.train.source.y=1"),
        (OF_NAME, "training.clip_norm.x=1"),
        (OF_LIST, "data.train.source.0=[[z]]"),
        (OF_LIST, "data.train.source.0.1=x"),
    ],
)
def test_an_error_of_an_assignment_is_not_the_files(config: bytes, given: str, tmp_path: Path):
    (tmp_path / "x.yaml").write_bytes(config)
    with pytest.raises(ConfigError, match=r"^--set: "):
        load_config(tmp_path / "x.yaml", [given])


@pytest.mark.parametrize(
    ("wrong", "given", "line"),
    [
        ((b"{score: additive, heads: 2}", b"aditive"), "model.decoder.attention.heads=2", 9),
        ((b"additive", b"aditive"), "model.decoder.attention.score.x=2", 9),
        ((b"a.de", b"7"), "data.train.source.0=x", 2),
        ((b"0.98", b"2"), "training.optimizer.betas.0=0.8", 10),
    ],
)
def test_an_error_of_the_file_is_not_the_assignments(wrong: tuple[bytes, bytes], given: str, line: int, tmp_path: Path):
    (tmp_path / "x.yaml").write_bytes(CONFIG.replace(*wrong))
    with pytest.raises(ConfigError, match=rf"x\.yaml:{line}: "):
        load_config(tmp_path / "x.yaml", [given])


@pytest.mark.parametrize("value", ["\\ud800", "\\udfff", "a\\ud83d"])
def test_half_a_character_in_yaml_is_refused_with_its_line(value: str, tmp_path: Path):
    path = tmp_path / "x.yaml"
    path.write_bytes(CONFIG.replace(b"b.en", f'"{value}"'.encode()))
    with pytest.raises(ConfigError, match=r"x\.yaml:3: data\.valid\.source\.0: .* half a character"):
        load_config(path)


# ---- text


@few
@given(source=LINES, target=LINES, end=st.sampled_from([b"\n", b"\r\n"]), last=st.booleans())
def test_any_two_files_are_pairs_or_refused(
    fuzzed: dict[str, Target], source: list[bytes], target: list[bytes], end: bytes, last: bool
):
    sides = [end.join(side) + end * last for side in (source, target)]
    fuzzed["corpus"].run(b"\xfe\xfe".join(sides))


@fewer
@given(choice=st.integers(0, 255), lines=LINES, last=st.booleans())
def test_any_text_gives_a_translation_for_each_line(
    fuzzed: dict[str, Target], choice: int, lines: list[bytes], last: bool
):
    fuzzed["translate"].run(bytes([choice]) + b"\n".join(lines) + b"\n" * last)


@pytest.mark.parametrize("name", members(TokenizerOptions))
@fewer
@given(lines=st.lists(st.tuples(LINE, LINE), max_size=6))
def test_any_corpus_is_prepared_or_refused(
    name: str, lines: list[tuple[bytes, bytes]], tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.mktemp("prepare")
    paths = [folder / "a", folder / "b"]
    for path, side in zip(paths, zip(*[(b"x", b"y"), *lines], strict=True), strict=True):
        path.write_bytes(b"\n".join(side) + b"\n")
    files = {"source": str(paths[0]), "target": str(paths[1])}
    options = members(TokenizerOptions)[name].model_validate({"vocabulary_size": 200})
    with refused(*paths):
        found = prepare(DataSettings.model_validate({"train": files, "valid": files}), options, 1, folder / "cache")
        counts = found.report.train
        assert sum(counts) == len(lines) + 1
        assert len(found.train) == counts.kept == len(found.valid_sources) - counts.too_long


# ---- links and matrices

LINK = st.from_regex(r"[0-9]{0,11}[-p~ ]?[0-9]{0,11}", fullmatch=True) | st.sampled_from(
    ["99999999999-0", "-1-2", "1-2-3", "٣-1", "1-1\r", "\u2028"]
)


@few
@given(lines=st.lists(st.lists(LINK, max_size=4).map(" ".join), max_size=4))
def test_any_file_of_links_is_links_or_refused(fuzzed: dict[str, Target], lines: list[str]):
    fuzzed["links"].run("\n".join(lines).encode())


MATRIX = {"source": ["a", "b"], "target": ["c"], "weights": [[0.5, 0.25]]}


@few
@given(value=mutated(MATRIX) | JSON)
def test_any_json_lines_are_matrices_or_refused(fuzzed: dict[str, Target], value: Any):
    fuzzed["matrices"].run(as_json(MATRIX) + b"\n" + as_json(value))


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "9" * 400, "true", "null", '"1"', "[1]"])
def test_a_weight_that_is_no_number_is_refused(fuzzed: dict[str, Target], number: str):
    fuzzed["matrices"].run(b'{"source": ["a"], "target": ["b"], "weights": [[%s]]}' % number.encode())


# ---- run directories


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run with one checkpoint."""
    return random_run(tmp_path_factory.mktemp("run") / "x").path


def load(path: Path) -> None:
    """All that translating reads of a run."""
    with refused(path):
        found = Run.open(path)
        found.load_model("best")
        found.tokenizers.target.decode(found.tokenizers.source.encode("a b"))


DAMAGE = st.builds(
    Damage,
    file=st.sampled_from(FILES),
    kind=st.sampled_from(KINDS),
    mended=st.booleans(),
    place=st.integers(0, 2000),
    removed=st.integers(0, 9),
    content=st.sampled_from([b"", b"0", b"-1", b"9" * 30, b"null", b"[]", b"\0\0\xc0\x7f", b"\xff"]),
)


@fewest
@given(damages=st.lists(DAMAGE, min_size=1, max_size=3))
def test_a_damaged_run_is_gone_on_with_or_refused_and_what_is_whole_stays(
    fuzzed: dict[str, Target], damages: list[Damage]
):
    fuzzed["resume"].run(SEPARATOR.join(one.packed() for one in damages))


JSON_FILES = [
    "tokenizer/shared.json",
    "tokenizer/manifest.json",
    "checkpoints/best.json",
    "checkpoints/step-1/manifest.json",
    "checkpoints/step-1/state.json",
]


def replaced(path: Path, content: bytes, act: Callable[[], None]) -> None:
    """Act while a file has other content."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        act()
    finally:
        path.write_bytes(before)


def sealed(path: Path) -> Path:
    """The manifest of the file's directory."""
    return path.parent / "manifest.json"


@pytest.mark.parametrize("file", JSON_FILES)
@fewer
@given(data=st.data())
def test_a_run_with_a_mutated_file_is_loaded_or_refused(run: Path, file: str, data: st.DataObject):
    value = data.draw(mutated(json.loads((run / file).read_text("utf-8"))))
    replaced(run / file, as_json(value), lambda: load(run))


@fewer
@given(data=st.data())
def test_a_tokenizer_that_its_manifest_agrees_with_is_loaded_or_refused(run: Path, data: st.DataObject):
    file = run / "tokenizer" / "shared.json"
    content = as_json(data.draw(mutated(json.loads(file.read_text("utf-8")))))
    (manifest := sealed(file)).rename(manifest.with_name("kept"))
    try:

        def cut() -> None:
            with refused(run):
                tokenizers = load_tokenizers(file.parent)
                tokenizers.target.decode(tokenizers.source.encode("a b"))

        replaced(file, content, cut)
    finally:
        manifest.with_name("kept").rename(manifest)


@fewer
@given(data=st.data())
def test_a_run_with_a_mutated_config_is_loaded_or_refused(run: Path, data: st.DataObject):
    value = yaml.safe_load((run / "config.yaml").read_text("utf-8"))
    replaced(run / "config.yaml", as_json(data.draw(mutated(value))), lambda: load(run))
