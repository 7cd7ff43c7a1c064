"""The house's own rules: direction of imports, sizes, and what a component's docstring says."""

import ast
import subprocess
import sys
from pathlib import Path
from statistics import median, quantiles

import pytest

import nmt
from nmt.attention.coverage import Covered
from nmt.attention.heads import MultiHead, NoAttention, SingleHead
from nmt.attention.hops import Hops
from nmt.attention.normalizers import NormalizerOptions
from nmt.attention.scopes import ScopeOptions
from nmt.attention.scores import ScoreOptions
from nmt.decoders.bridge import BridgeOptions, Zero
from nmt.layers.positions import PositionOptions
from nmt.layers.recurrent import CellOptions
from nmt.model import DecoderOptions, EncoderOptions
from nmt.settings import component, members

ROOT = Path(nmt.__file__).parent
FILES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}

# From the ground up: a part may import what lies on the floors below its own.
FLOORS = (
    {"errors"},
    {"outline", "storage", "tree"},
    {"settings", "yaml_source"},
    {"events", "settings_file", "text"},
    {"batch", "hypotheses", "layers", "optimization", "segments"},
    {"attention", "data"},
    {"encoders", "metrics", "sharing", "starter"},
    {"decoders", "visualize"},
    {"loss", "model", "search"},
    {"combinations", "precision", "sampling", "translations"},
    {"risk"},
    {"config"},
    {"checkpoint"},
    {"training", "translate"},
    {"export", "serve", "validation"},
    {"cli"},
    {"__init__", "__main__"},
)


def imports(name: str) -> list[str]:
    """The modules of nmt that a file imports, those for the type checker alone left out."""
    typing_only = [
        node for node in ast.walk(FILES[name]) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    ]
    hidden = {inner for node in typing_only for inner in ast.walk(node)}
    seen = [node for node in ast.walk(FILES[name]) if node not in hidden]
    nodes = [node for node in seen if isinstance(node, ast.ImportFrom)]
    found = [f"{n.module}.{alias.name}" if n.module == "nmt" else n.module or "" for n in nodes for alias in n.names]
    found += [alias.name for node in seen if isinstance(node, ast.Import) for alias in node.names]
    return sorted({module for module in found if module.startswith("nmt.")})


def part(dotted: str) -> str:
    return dotted.replace("/", ".").removeprefix("nmt.").removesuffix(".py").split(".")[0]


def floor(name: str) -> int:
    return next(number for number, parts in enumerate(FLOORS) if part(name) in parts)


def test_every_part_has_its_floor():
    assert {part(name) for name in FILES} <= set().union(*FLOORS)


@pytest.mark.parametrize("name", FILES)
def test_imports_go_down(name):
    up = [module for module in imports(name) if part(module) != part(name) and floor(module) >= floor(name)]
    assert up == []


def test_encoders_and_decoders_and_search_meet_only_in_values():
    pairs = {"encoders": "decoders", "decoders": "encoders", "search": "decoders", "loss": "decoders"}
    for name in FILES:
        other = pairs.get(part(name), "nothing")
        assert [module for module in imports(name) if part(module) == other and not module.endswith(".base")] == []


def test_text_metrics_settings_and_the_command_line_do_not_import_torch():
    modules = (
        "text.tokenizers metrics.bleu metrics.sentence metrics.alignment metrics.significance errors settings"
        " settings_file cli.app"
    )
    code = f"import sys, {', '.join('nmt.' + module for module in modules.split())}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


FUNCTIONS = {
    f"{name}:{node.lineno} {node.name}": node
    for name, tree in FILES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
}
LINES = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in FUNCTIONS.items()}


def test_no_file_is_longer_than_350_lines():
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in FILES}
    assert {name: length for name, length in lengths.items() if length > 350} == {}


def test_functions_have_at_most_60_lines_most_25_and_half_10():
    assert {name: lines for name, lines in LINES.items() if lines > 60} == {}
    assert quantiles(LINES.values(), n=10)[-1] <= 25
    assert median(LINES.values()) <= 10


def test_functions_take_at_most_7_arguments():
    def count(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        return len([name for name in names if name not in ("self", "cls")])

    commands = ("cli/",)  # options of a command are its function's arguments
    too_many = {name: count(node) for name, node in FUNCTIONS.items() if count(node) > 7}
    assert {name: number for name, number in too_many.items() if not name.startswith(commands)} == {}


EQUATIONS = {
    options: component(options)
    for union in (ScoreOptions, NormalizerOptions, ScopeOptions, CellOptions, PositionOptions)
    for options in members(union).values()
}
CITED = [*EQUATIONS.values(), SingleHead, MultiHead, NoAttention, Covered, Hops]
CITED += [component(o) for union in (EncoderOptions, DecoderOptions, BridgeOptions) for o in members(union).values()]
CITED.remove(Zero)  # there is nothing to cite


@pytest.mark.parametrize("kind", CITED, ids=lambda kind: kind.__name__)
def test_a_component_says_where_it_comes_from_and_how_it_differs(kind):
    assert "Source: " in kind.__doc__
    assert "Differs: " in kind.__doc__


@pytest.mark.parametrize("kind", EQUATIONS.values(), ids=lambda kind: kind.__name__)
def test_a_mechanism_states_its_equation(kind):
    assert " = " in kind.__doc__ or kind.__name__ == "Learned"


@pytest.mark.parametrize("options", EQUATIONS, ids=lambda options: options.__qualname__)
def test_options_have_a_line_of_their_own_for_the_listings(options):
    assert options.__doc__.strip()
    assert options.__doc__ != component(options).__doc__


@pytest.mark.parametrize("name", FILES)
def test_every_public_class_and_function_has_a_docstring(name):
    public = [n for n in FILES[name].body if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name[0] != "_"]
    assert [node.name for node in public if not ast.get_docstring(node)] == []
