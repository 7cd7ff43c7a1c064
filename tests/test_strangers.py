"""Run directories, checkpoints and configs that somebody else made to do harm: each is refused, named, and quickly."""

import ast
import json
import os
import pickle
import resource
import shutil
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_run import Tiny

import nmt
from nmt.checkpoint import Run
from nmt.cli.app import main
from nmt.errors import CheckpointError, DataError
from nmt.storage.manifest import MANIFEST, damage, write_json
from nmt.storage.manifest import _measured as measured
from nmt.text.subwords import Unigram
from nmt.text.tokenizers import load_tokenizers
from nmt.translate import Translator

SECONDS, BYTES = 5.0, 600_000_000  # of a processor that a refusal may take, memory that torch's libraries map counted
PATIENCE = 60.0  # seconds that it may take, whatever else the machine has to do
LAST = Path("checkpoints/step-6")
MODEL = LAST / "model.safetensors"


class Bomb:
    """What a pickle runs when it is loaded: it leaves a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return Path.touch, (self.canary,)


class Case:
    """A run directory to be spoilt, a folder beside it that is not the run's, and a file that only code would make."""

    def __init__(self, folder: Path) -> None:
        self.run, self.outside, self.canary = folder / "run", folder / "outside", folder / "canary"

    def forge(self, directory: Path = LAST) -> None:
        """Make the manifest fit what lies there: a stranger can."""
        place = self.run / directory
        (place / MANIFEST).unlink(missing_ok=True)
        write_json(place / MANIFEST, {"format": 1, "files": measured(place)})

    def write(self, name: str | Path, content: bytes | str) -> None:
        """Put a file into the run, and let the manifest of its checkpoint know it."""
        (self.run / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        if Path(name).parent in (LAST, Path("tokenizer")) and Path(name).name != MANIFEST:
            self.forge(Path(name).parent)

    def link(self, name: str | Path, to: Path | str) -> None:
        """Put a link in the place of a file or folder of the run."""
        path = self.run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.symlink_to(to)

    def pipe(self, name: str | Path) -> None:
        """Put a pipe, which nobody writes to, in the place of a file of the run."""
        (self.run / name).unlink(missing_ok=True)
        os.mkfifo(self.run / name)

    def change(self, name: str | Path, *keys: str | int, value: Any) -> None:
        """Set a value in a JSON file of the run."""
        content = json.loads((self.run / name).read_text())
        inner = content
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        self.write(name, json.dumps(content))

    def config(self, old: str, new: str) -> None:
        """Change the config."""
        text = (self.run / "config.yaml").read_text()
        assert old in text
        self.write("config.yaml", text.replace(old, new))

    def tensors(self, name: str | Path = MODEL, **changed: torch.Tensor) -> None:
        """Change tensors of a checkpoint."""
        save_file({**load_file(self.run / name), **changed}, self.run / name)
        self.forge()

    def seen(self) -> dict[str, bytes]:
        """All that lies outside of the run."""
        return {str(path): path.read_bytes() for path in self.outside.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of six updates."""
    tiny = Tiny(tmp_path_factory.mktemp("strangers"), max_updates=6)
    list(tiny.fit("run"))
    return tiny.directory / "run"


@pytest.fixture
def case(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("not the run's")
    (tmp_path / "text.en").write_text("a b c\n")
    return Case(tmp_path)


@contextmanager
def bounded() -> Iterator[None]:
    """So much more memory, and so much of a processor's time."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + BYTES, before[1]))
    start, began = time.process_time(), time.monotonic()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert time.process_time() - start < SECONDS
    assert time.monotonic() - began < PATIENCE


COMMANDS = {
    "info": ("info", "run"),
    "translate": ("translate", "run", "--checkpoint", "last", "--input", "text.en"),
    "best": ("translate", "run", "--input", "text.en"),
    "start": ("train", "run/config.yaml", "--run", "new", "--set", "training.start_from=run"),
    "evaluate": ("evaluate", "run", "--checkpoint", "last", "--source", "text.en", "--reference", "text.en"),
    "align": ("align", "run", "--checkpoint", "last", "--source", "text.en", "--target", "text.en"),
    "export": ("export", "run", "--checkpoint", "last", "--to", "ctranslate2"),
    "resume": ("train", "run/config.yaml", "--run", "run", "--resume", "--set", "training.max_updates=8"),
}


def refusal(case: Case, capsys: pytest.CaptureFixture[str], command: str) -> str:
    """The error of a command that was refused without harm."""
    before = case.seen()
    capsys.readouterr()
    with bounded(), pytest.raises(SystemExit) as exit_:
        main(list(COMMANDS[command]))
    shown = capsys.readouterr().err
    assert exit_.value.code == 2, shown
    error = next(line for line in shown.splitlines() if line.startswith("error: "))
    assert case.seen() == before
    assert not case.canary.exists()
    assert len(error) < 1100
    return error


HARM: dict[str, tuple[str, Callable[[Case], object], str]] = {}


def harm(commands: str, named: str) -> Callable[[Callable[[Case], object]], Callable[[Case], object]]:
    """List a way to spoil a run: the commands that must refuse it, and what their errors name."""

    def listed(spoil: Callable[[Case], object]) -> Callable[[Case], object]:
        HARM[spoil.__name__] = (commands, spoil, named)
        return spoil

    return listed


ALL = "info translate evaluate align export resume"  # of some harm; of the rest, commands that load in different ways


@harm("translate evaluate align resume start", "model.safetensors")
def pickled_weights(case: Case) -> None:
    case.write(MODEL, pickle.dumps(Bomb(case.canary)))


@harm("translate", "model.safetensors")
def weights_of_torch_save(case: Case) -> None:
    torch.save({"bomb": Bomb(case.canary)}, case.run / MODEL)
    case.forge()


@harm("resume", "training.safetensors")
def pickled_moments(case: Case) -> None:
    case.write(LAST / "training.safetensors", pickle.dumps(Bomb(case.canary)))


@harm("resume", "state.json")
def pickled_state(case: Case) -> None:
    case.write(LAST / "state.json", pickle.dumps(Bomb(case.canary)))


@harm("translate resume", "shared.json")
def pickled_tokenizer(case: Case) -> None:
    case.write("tokenizer/shared.json", pickle.dumps(Bomb(case.canary)))


def header(content: Any, length: int | None = None) -> bytes:
    """A safetensors file of this header and nothing else."""
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


def huge(shape: list[int], end: int) -> dict[str, Any]:
    return {"target_embedding.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}


@harm("translate info resume", "model.safetensors")
def a_header_of_a_terabyte(case: Case) -> None:
    case.write(MODEL, header({}, 2**40))


@harm("translate info", "model.safetensors")
def a_header_longer_than_numbers_go(case: Case) -> None:
    case.write(MODEL, header({}, 2**64 - 1))


@harm("translate info", "model.safetensors")
def a_tensor_of_a_terabyte(case: Case) -> None:
    case.write(MODEL, header(huge([2**38], 2**40)))


@harm("translate info", "model.safetensors")
def a_tensor_of_a_terabyte_that_claims_no_bytes(case: Case) -> None:
    case.write(MODEL, header(huge([2**38], 0)))


@harm("translate info", "model.safetensors")
def a_shape_that_overflows(case: Case) -> None:
    case.write(MODEL, header(huge([2**62, 2**62, 4], 0)))


@harm("translate info", "model.safetensors")
def overlapping_tensors(case: Case) -> None:
    one = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    case.write(MODEL, header({f"t{number}": one for number in range(100)}) + bytes(16))


@harm("translate info", "model.safetensors")
def a_header_of_countless_brackets(case: Case) -> None:
    text = b'{"a":' + b"[" * 100_000
    case.write(MODEL, struct.pack("<Q", len(text)) + text)


@harm("translate resume", "model.safetensors")
def a_tensor_of_nothing(case: Case) -> None:
    case.tensors(**{"target_embedding.weight": torch.zeros(0, 8)})


@harm("translate resume", "model.safetensors")
def weights_of_another_type(case: Case) -> None:
    case.tensors(**{"target_embedding.weight": torch.zeros(14, 8, dtype=torch.complex64)})


@harm("start", "model.safetensors")
def weights_that_are_no_numbers(case: Case) -> None:
    case.tensors(**{"target_embedding.weight": torch.full((14, 8), float("nan"))})


@harm("translate resume", "model.safetensors")
def weights_that_nobody_asked_for(case: Case) -> None:
    case.tensors(more=torch.zeros(1))


@harm("translate resume", "model")
def embeddings_of_a_billion(case: Case) -> None:
    case.config("embedding_size: 8", "embedding_size: 1000000000")


@harm("translate resume", "model.safetensors")
def embeddings_of_a_terabyte_less_a_bit(case: Case) -> None:
    case.config("embedding_size: 8", "embedding_size: 20000")


@harm("translate resume", "model")
def layers_without_end(case: Case) -> None:
    case.config("num_layers: 1", "num_layers: 1000000000000")


@harm("translate info", "config.yaml")
def a_number_of_a_million_digits(case: Case) -> None:
    case.config("embedding_size: 8", f"embedding_size: 0x{'f' * 900_000}")


@harm("translate info", "config.yaml")
def sources_without_end(case: Case) -> None:
    case.config("sentences: 0", "sentences: 1000000000")


@harm("translate info", "config.yaml")
def a_beam_without_end(case: Case) -> None:
    case.config("beam_size: 5", "beam_size: 1000000000")


@harm("info translate", "config.yaml")
def a_config_that_makes_objects(case: Case) -> None:
    case.write("config.yaml", f"a: !!python/object/apply:pathlib.Path.touch [{case.canary}]\n")


@harm("info translate resume", "config.yaml")
def a_config_that_unfolds(case: Case) -> None:
    rows = [f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 9)}]" for n in range(1, 9)]
    case.write("config.yaml", "\n".join(["k0: &k0 [x]", *rows]))


@harm("info translate", "config.yaml")
def a_config_that_holds_itself(case: Case) -> None:
    case.write("config.yaml", "data: &a {train: *a}\n")


@harm("info translate", "config.yaml")
def a_config_of_countless_brackets(case: Case) -> None:
    case.write("config.yaml", "[" * 900_000)


@harm("info", "config.yaml")
def a_config_of_countless_keys(case: Case) -> None:
    case.write("config.yaml", "".join(f"k{number}: 1\n" for number in range(40_001)))


@harm("info", "config.yaml")
def a_config_of_too_many_bytes(case: Case) -> None:
    os.truncate(case.run / "config.yaml", 2**40)


@harm("translate", MANIFEST)
def a_manifest_that_names_what_is_above(case: Case) -> None:
    case.change(LAST / MANIFEST, "files", "../../../outside/file", value={"size": 13, "sha256": ""})


@harm("translate", MANIFEST)
def a_manifest_that_names_a_device(case: Case) -> None:
    case.change(LAST / MANIFEST, "files", "/dev/zero", value={"size": 0, "sha256": ""})


@harm("translate", MANIFEST)
def a_manifest_of_countless_brackets(case: Case) -> None:
    case.write(LAST / MANIFEST, "[" * 1_000_000)


@harm("resume", "run: no whole checkpoint")
def a_manifest_of_noise(case: Case) -> None:
    case.write(LAST / MANIFEST, np.random.default_rng(1).bytes(1000))


@harm("translate", "step-6")
def a_manifest_of_nothing(case: Case) -> None:
    (case.run / MODEL).unlink()
    case.forge()


@harm("best", "best.json")
def a_best_checkpoint_elsewhere(case: Case) -> None:
    shutil.rmtree(case.run / LAST)
    case.write("checkpoints/best.json", '{"step": "../../outside"}')


@harm("resume", "state.json")
def a_state_of_countless_brackets(case: Case) -> None:
    case.write(LAST / "state.json", "[" * 1_000_000)


def state(*keys: str, value: Any) -> Callable[[Case], object]:
    return lambda case: case.change(LAST / "state.json", *keys, value=value)


for _keys, _value in {
    ("step",): 7,
    ("scores",): [1.0, 2.0],
    ("data", "position"): 10**6,
    ("data", "pool"): -1,
    ("data", "epoch"): float("inf"),
    ("metrics_lines",): "many",
    ("window",): [],
}.items():
    HARM[f"{'.'.join(_keys)} of {_value}"] = ("resume", state(*_keys, value=_value), "state.json")


def moments(case: Case, **changed: torch.Tensor) -> None:
    """Change tensors of training."""
    case.tensors(LAST / "training.safetensors", **changed)


NAME = "optimizer.target_embedding.weight"


@harm("resume", "training.safetensors")
def moments_of_another_shape(case: Case) -> None:
    moments(case, **{f"{NAME}.exp_avg": torch.zeros(3)})


@harm("resume", "training.safetensors")
def moments_of_another_type(case: Case) -> None:
    moments(case, **{f"{NAME}.exp_avg": torch.zeros(14, 8, dtype=torch.float64)})


@harm("resume", "training.safetensors")
def moments_that_are_not_finite(case: Case) -> None:
    moments(case, **{f"{NAME}.exp_avg": torch.full((14, 8), float("inf"))})


@harm("resume", "training.safetensors")
def moments_of_nothing(case: Case) -> None:
    moments(case, more=torch.zeros(1))


@harm("resume", "training.safetensors")
def moments_that_lack_one(case: Case) -> None:
    path = case.run / LAST / "training.safetensors"
    save_file({key: value for key, value in load_file(path).items() if key != f"{NAME}.exp_avg"}, path)
    case.forge()


@harm("resume", "training.safetensors")
def a_random_generator_of_noise(case: Case) -> None:
    noise = np.random.default_rng(1).bytes(5056)
    moments(case, **{"random.cpu": torch.frombuffer(bytearray(noise), dtype=torch.uint8)})


@harm("info", "metrics.jsonl:1")
def metrics_of_countless_brackets(case: Case) -> None:
    case.write("metrics.jsonl", "[" * 1_000_000 + "\n")


@harm("translate resume", "shared.json")
def a_vocabulary_of_numbers(case: Case) -> None:
    case.change("tokenizer/shared.json", "pieces", value=["<pad>", "<unk>", "<s>", "</s>", 1, 2])


@harm("translate resume", "shared.json")
def a_vocabulary_with_ends_of_lines(case: Case) -> None:
    case.change("tokenizer/shared.json", "pieces", value=["<pad>", "<unk>", "<s>", "</s>", "a\nb"])


@harm("translate resume", "shared.json")
def a_vocabulary_of_half_characters(case: Case) -> None:
    case.change("tokenizer/shared.json", "pieces", value=["<pad>", "<unk>", "<s>", "</s>", "\ud800"])


@harm("translate resume", "shared")
def a_sentencepiece_model_of_noise(case: Case) -> None:
    options = {"name": "unigram"}
    case.write("tokenizer/shared.json", json.dumps({"options": options}))
    case.write("tokenizer/shared.model", np.random.default_rng(1).bytes(10_000))


PLACES = {
    "checkpoints": "checkpoints",
    "a checkpoint": LAST,
    "weights": MODEL,
    "moments": LAST / "training.safetensors",
    "tokenizers": "tokenizer",
    "a tokenizer": "tokenizer/shared.json",
    "metrics": "metrics.jsonl",
    "the log": "train.log",
    "plots": "plots",
    "exports": "export",
    "the best": "checkpoints/best.json",
    "what was being written": "checkpoints/.writing-step-8",
    "what was being removed": "checkpoints/.removed-step-6",
}


def linked(name: str | Path) -> Callable[[Case], object]:
    """A link to a file outside, or to a folder in the place of a folder."""
    folder = Path(name).name in ("checkpoints", "plots", "export", "tokenizer", LAST.name, ".removed-step-6")
    return lambda case: case.link(name, case.outside / ("." if folder else "file"))


def piped(name: str | Path) -> Callable[[Case], object]:
    return lambda case: case.pipe(name)


for _what, _name in PLACES.items():
    HARM[f"{_what} elsewhere"] = (f"{ALL} start" if _what == "weights" else "info resume", linked(_name), str(_name))
for _what in ("weights", "a tokenizer", "metrics", "the log", "the best"):
    HARM[f"{_what} in a pipe"] = ("translate resume", piped(PLACES[_what]), str(PLACES[_what]))
HARM["a log on a device"] = ("translate resume", lambda case: case.link("train.log", "/dev/null"), "train.log")
HARM["a ring of links"] = ("translate export", lambda case: case.link("plots", "plots"), "run")


@pytest.mark.parametrize(("name", "command"), [(name, command) for name in HARM for command in HARM[name][0].split()])
def test_harm_is_refused(case: Case, capsys: pytest.CaptureFixture[str], name: str, command: str) -> None:
    _, spoil, named = HARM[name]
    spoil(case)
    assert named in refusal(case, capsys, command)


def test_resuming_from_weights_that_are_no_numbers_is_refused_with_what_helps(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    weights_that_are_no_numbers(case)
    with pytest.raises(SystemExit):
        main(list(COMMANDS["resume"]))
    problem, hint = f"{MODEL}: not all numbers of target_embedding.weight are finite", f"remove run/{LAST} to resume"
    assert f"error: run/{problem}\nhint: {hint}" in capsys.readouterr().err


def test_a_config_that_is_a_link_out_is_refused_before_resuming_writes_it(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(case.run / "config.yaml", case.outside / "config.yaml")
    case.link("config.yaml", case.outside / "config.yaml")
    assert "config.yaml: a link that leads out" in refusal(case, capsys, "resume")


def test_a_sentencepiece_model_of_a_terabyte_is_not_read(case: Case) -> None:
    case.write("tokenizer/shared.json", json.dumps({"options": {"name": "unigram"}}))
    (case.run / "tokenizer/shared.model").touch()
    os.truncate(case.run / "tokenizer/shared.model", 2**40)
    with bounded(), pytest.raises(DataError, match=r"shared\.model: more than 64,000,000 bytes"):
        load_tokenizers(case.run / "tokenizer")


def test_damaged_sentencepiece_models_are_refused_or_read(case: Case) -> None:
    options = Unigram.Options(vocabulary_size=60, normalization="nfkc")
    model = bytearray(options.train(["the cat ½ ﬁ é ① sat"] * 20, 1)._model)
    chance = np.random.default_rng(7)
    for _ in range(60):
        places = chance.integers(0, len(model), 20)
        damaged = bytearray(model)
        for place in places:
            damaged[place] = chance.integers(256)
        with suppress(RuntimeError, ValueError):
            assert isinstance(Unigram(options, bytes(damaged)).encode("the cat ½ 日本"), list)


def test_what_is_overwritten_is_the_run_and_not_what_its_links_lead_to(case: Case) -> None:
    config, before = Run.open(case.run).config, case.seen()
    for name in ("plots", "export", "checkpoints", "metrics.jsonl", "train.log", "config.yaml", ".writing-config.yaml"):
        linked(name)(case)
    Run.create(case.run, config, overwrite=True).release()
    assert case.seen() == before
    assert sorted(path.name for path in case.run.iterdir()) == ["checkpoints", "config.yaml"]
    assert not any(path.is_symlink() for path in case.run.iterdir())


def test_a_lock_that_is_a_link_is_not_written_through(case: Case) -> None:
    config = Run.open(case.run).config
    linked(".lock")(case)
    with pytest.raises(CheckpointError, match=r"\.lock"):
        Run.create(case.run, config, overwrite=True)
    assert (case.outside / "file").read_text() == "not the run's"


def test_files_that_a_config_names_are_not_read_to_translate_or_to_tell(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(case.outside / "pipe")
    text = (case.run / "config.yaml").read_text()
    names = {line.split(": ")[1] for line in text.splitlines() if line.strip().startswith(("source: /", "target: /"))}
    assert names
    for name in names:
        case.config(name, str(case.outside / "pipe"))
    with bounded():
        assert Translator.load(case.run, "last").translate(["a b"])
        with pytest.raises(SystemExit) as exit_:
            main(["info", "run"])
    assert exit_.value.code in (None, 0)


def test_what_is_told_of_a_run_has_no_characters_that_a_terminal_obeys(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    case.config("source: source", 'source: "\\e[2J\\a"')
    with pytest.raises(SystemExit):
        main(["info", "run"])
    assert "\x1b" not in (told := capsys.readouterr().out)
    assert "\\x1b[2J\\x07" in told


def test_a_run_without_harm_is_read(case: Case) -> None:
    assert damage(case.run / LAST) == ""
    with bounded():
        assert len(Translator.load(case.run, "last").translate(["a b c"])) == 1


FORBIDDEN = {"eval", "exec", "compile", "__import__"}
MODULES = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "subprocess", "ctypes", "runpy", "code"}
CALLS = {"torch.load", "torch.save", "torch.hub", "torch.jit", "yaml.load", "yaml.unsafe_load", "yaml.full_load"}
CALLS |= {"yaml.UnsafeLoader", "yaml.FullLoader", "yaml.Loader", "os.system", "os.popen", "np.fromfile", "json.load"}


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute; nothing of other expressions."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def runs_code(node: ast.AST) -> str:
    """What of a node could run what a file says."""
    if isinstance(node, ast.Import):
        return " ".join({alias.name.split(".")[0] for alias in node.names} & MODULES)
    if isinstance(node, ast.ImportFrom):
        return " ".join({(node.module or "").split(".")[0]} & MODULES)
    if isinstance(node, ast.Attribute) and dotted(node) in CALLS:
        return dotted(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN:
        return node.func.id
    if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
        return "" if isinstance(node.value, ast.Constant) and node.value.value is False else "allow_pickle"
    return ""


SOURCES = sorted(Path(nmt.__file__).parent.rglob("*.py"))


def test_nothing_in_the_program_unpickles_evaluates_or_starts_what_a_file_says() -> None:
    nodes = ((path, node) for path in SOURCES for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    assert {f"{path}: {found}" for path, node in nodes if (found := runs_code(node))} == set()


@pytest.mark.parametrize("line", ["torch.load(x)", "import pickle", "eval(x)", "np.load(x, allow_pickle=True)"])
def test_the_search_finds_what_it_looks_for(line: str) -> None:
    assert any(runs_code(node) for node in ast.walk(ast.parse(line)))


def test_json_is_read_by_the_one_that_bounds_it() -> None:
    own = "json.loads(json.dumps("  # what is written is what would be read
    found = {path.name for path in SOURCES if "json.loads" in path.read_text("utf-8").replace(own, "")}
    assert found == {"json_source.py"}


def test_arrays_are_read_without_pickles() -> None:
    loads = [path for path in SOURCES if "np.load(" in path.read_text("utf-8")]
    assert all("allow_pickle=False" in path.read_text("utf-8") for path in loads)
