"""Settings and their YAML: what is read, and the exact words of what is refused."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field

from nmt.errors import ConfigError
from nmt.settings import Settings, choice, component, did_you_mean, members
from nmt.settings_file import dump_settings, load_yaml_settings, show
from nmt.yaml_source import dump, parse


class Rnn:
    class Options(Settings):
        name: Literal["rnn"] = "rnn"
        cell: Literal["lstm", "gru"] = "gru"
        size: int = Field(256, gt=0)


class Stack:
    class Options(Settings):
        name: Literal["stack"] = "stack"
        size: int = 512


class Training(Settings):
    batch_tokens: int = Field(4096, ge=1)
    rate: float = Field(1e-3, gt=0)
    betas: tuple[float, float] = (0.9, 0.98)
    shared: bool = True
    max_epochs: int | None = None


class Root(Settings):
    title: str
    files: str | list[str] | list[list[str]] = "train"
    encoder: Annotated[Rnn.Options | Stack.Options, choice(default="rnn")] = Rnn.Options()
    training: Training = Training()
    layers: Annotated[Rnn.Options | Stack.Options, choice()] = Stack.Options()
    needed: Annotated[Rnn.Options | Stack.Options, choice()] | None = None


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def load(text: str, *overrides: str) -> Root:
        Path("x.yaml").write_text(text, encoding="utf-8")
        return load_yaml_settings("x.yaml", Root, overrides)

    return load


def refusal(load: Any, text: str, *overrides: str) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(text, *overrides)
    return caught.value.message, caught.value.hint


def test_what_is_left_out_has_its_default(load: Any) -> None:
    assert load("title: x") == Root(title="x")


def test_numbers_are_yaml_1_2_s(load: Any) -> None:
    training = load("title: x\ntraining: {rate: 1e-3, batch_tokens: 0x10}").training
    assert (training.rate, training.batch_tokens) == (0.001, 16)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1E5", 1e5), (".5", 0.5), ("5.", 5.0), ("-1.5e+2", -150.0), ("010", 10),
        ("0o17", 15), ("+3", 3), ("no", "no"), ("on", "on"), ("y", "y"), ("12:30", "12:30"),
        ("2020-01-01", "2020-01-01"), ("1_000", "1_000"), ("true", True), ("~", None), ("", None),
        ("null", None), ("'3'", "3"), ("!!str 3", "3"),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: Any) -> None:
    read = parse(f"a: {text}", "x").data["a"]
    assert read == value
    assert type(read) is type(value)


def test_a_whole_number_is_a_number(load: Any) -> None:
    rate = load("title: x\ntraining: {rate: 1}").training.rate
    assert isinstance(rate, float)


def test_a_list_is_read_as_a_tuple(load: Any) -> None:
    assert load("title: x\ntraining: {betas: [0.8, 0.9]}").training.betas == (0.8, 0.9)


def test_a_bare_name_is_the_member_with_its_defaults(load: Any) -> None:
    assert load("title: x\nencoder: stack").encoder == Stack.Options()


def test_a_section_without_a_name_is_the_default_member(load: Any) -> None:
    assert load("title: x\nencoder: {size: 3}").encoder == Rnn.Options(size=3)


def test_a_section_without_a_name_is_of_the_default_value_s_kind(load: Any) -> None:
    assert load("title: x\nlayers: {size: 3}").layers == Stack.Options(size=3)


def test_overrides_win_and_are_read_as_yaml(load: Any) -> None:
    root = load("title: x\ntraining: {rate: 1}", "training.rate=1e-2", "files=[a, b]", "training.max_epochs=")
    assert (root.training.rate, root.files, root.training.max_epochs) == (0.01, ["a", "b"], None)


def test_an_override_reaches_into_a_bare_name(load: Any) -> None:
    assert load("title: x\nencoder: stack", "encoder.size=7").encoder == Stack.Options(size=7)


def test_an_override_reaches_into_a_list(load: Any) -> None:
    assert load("title: x\nfiles: [a, b]", "files.1=c").files == ["a", "c"]


def test_an_override_may_hold_an_equals_sign(load: Any) -> None:
    assert load("title: x", "title=a=b").title == "a=b"


REFUSED = {
    "unknown key": (
        "title: x\nencoder:\n  sise: 3\n",
        ("x.yaml:3: encoder.sise: unknown key", "did you mean 'size'? allowed: name, cell, size"),
    ),
    "unknown key of another kind": (
        "title: a\nencoder:\n  name: stack\n  cell: lstm\nneeded: rnn\n",
        ("x.yaml:4: encoder.cell: unknown key", "another kind has this key; here: name, size"),
    ),
    "unknown key that stands elsewhere": (
        "title: x\nbatch_tokens: 3\n",
        (
            "x.yaml:2: batch_tokens: unknown key",
            "did you mean 'training.batch_tokens'? here: title, files, encoder, training, layers, needed",
        ),
    ),
    "unknown key unlike any other": (
        "title: x\nencoder:\n  name: stack\n  depth: 3\n",
        ("x.yaml:4: encoder.depth: unknown key", "allowed: name, size"),
    ),
    "unknown name of a union": (
        "title: x\n\nencoder: {name: stak}",
        ("x.yaml:3: encoder: unknown name \"stak\"", "did you mean 'stack'? allowed: rnn, stack"),
    ),
    "unknown bare name of a union": (
        "title: x\nencoder: rrn",
        ("x.yaml:2: encoder: unknown name \"rrn\"", "did you mean 'rnn'? allowed: rnn, stack"),
    ),
    "unknown value": (
        "title: x\nencoder: {cell: gur}",
        ("x.yaml:2: encoder.cell: unknown name \"gur\"", "did you mean 'gru'? allowed: lstm, gru"),
    ),
    "text for a number": (
        "title: x\ntraining:\n  batch_tokens: many\n",
        ('x.yaml:3: training.batch_tokens: expected a whole number, got "many"', ""),
    ),
    "quoted number": (
        "title: x\ntraining: {batch_tokens: '3'}",
        ('x.yaml:2: training.batch_tokens: expected a whole number, got "3"', ""),
    ),
    "true for a number": (
        "title: x\ntraining: {batch_tokens: true}",
        ("x.yaml:2: training.batch_tokens: expected a whole number, got true", ""),
    ),
    "fraction for a whole number": (
        "title: x\ntraining: {batch_tokens: 1.5}",
        ("x.yaml:2: training.batch_tokens: expected a whole number, got 1.5", ""),
    ),
    "number for a truth value": (
        "title: x\ntraining: {shared: 1}",
        ("x.yaml:2: training.shared: expected true or false, got 1", ""),
    ),
    "number for text": ("title: 3", ("x.yaml:1: title: expected text, got 3", "")),
    "nothing for text": ("title:", ("x.yaml:1: title: expected text, got nothing", "")),
    "infinity": (
        "title: x\ntraining: {rate: .inf}",
        ("x.yaml:2: training.rate: expected a number, got inf", ""),
    ),
    "too small": (
        "title: x\ntraining: {rate: 0}",
        ("x.yaml:2: training.rate: must be more than 0, got 0", ""),
    ),
    "too few of a tuple": (
        "title: x\ntraining: {betas: [0.9]}",
        ("x.yaml:2: training.betas: expected a list of 2 numbers, got a list of 1", ""),
    ),
    "too many of a tuple": (
        "title: x\ntraining: {betas: [0.9, 1.0, 1.1]}",
        ("x.yaml:2: training.betas: expected a list of 2 numbers, got a list of 3", ""),
    ),
    "wrong item of a tuple": (
        "title: x\ntraining:\n  betas:\n  - 0.9\n  - high\n",
        ('x.yaml:5: training.betas.1: expected a number, got "high"', ""),
    ),
    "none of a union's types": (
        "title: x\nfiles: {a: 1}",
        ("x.yaml:2: files: expected text or a list of texts or a list of lists, got a section", ""),
    ),
    "value for a section": (
        "title: x\ntraining: 3",
        (
            "x.yaml:2: training: expected a section with batch_tokens, rate, betas, shared, max_epochs,"
            " got 3",
            "",
        ),
    ),
    "number for a named section": (
        "title: x\nencoder: 3",
        ("x.yaml:2: encoder: expected one of rnn, stack, got 3", ""),
    ),
    "missing name": (
        "title: x\nneeded:\n  size: 3\n",
        ("x.yaml:2: needed: name: this key is missing", "expected one of rnn, stack"),
    ),
    "missing key": ("encoder: rnn", ("x.yaml:1: title: this key is missing", "expected text")),
    "empty file": ("", ("x.yaml:1: title: this key is missing", "expected text")),
    "misspelt needed key": (
        "files: a\ntitel: x",
        (
            "x.yaml:2: titel: unknown key",
            "did you mean 'title'? allowed: title, files, encoder, training, layers, needed; "
            "1 more problem: x.yaml:1 title",
        ),
    ),
    "list for a config": (
        "- title",
        ("x.yaml:1: expected a section with title, files, encoder, training, layers, needed, got a list of 1", ""),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_schema_refuses_is_named_with_its_line(load: Any, case: str) -> None:
    text, expected = REFUSED[case]
    assert refusal(load, text) == expected


def test_the_first_problem_of_the_file_is_shown_and_the_others_counted(load: Any) -> None:
    text = "title: x\ntraining:\n  rate: no\n  batch_tokens: no\nencoder: {sice: 1}\n"
    message, hint = refusal(load, text)
    assert message == 'x.yaml:3: training.rate: expected a number, got "no"'
    assert hint == "2 more problems: x.yaml:4 training.batch_tokens, x.yaml:5 encoder.sice"


def test_of_many_problems_the_first_are_named_and_all_counted(load: Any) -> None:
    text = "title: x\n" + "".join(f"bad{number}: 1\n" for number in range(2, 10))
    named = "x.yaml:3 bad3, x.yaml:4 bad4, x.yaml:5 bad5"
    assert refusal(load, text)[1].endswith(f"7 more problems: {named} and 4 others")


def test_an_override_is_refused_in_the_same_words(load: Any) -> None:
    message, hint = refusal(load, "title: x\nencoder: {size: 3}", "encoder.sise=4")
    assert message == "--set: encoder.sise: unknown key"
    assert hint == "did you mean 'size'? allowed: name, cell, size"


def test_an_override_of_the_wrong_type_names_set_and_not_the_line(load: Any) -> None:
    message, _ = refusal(load, "title: x\nencoder: {size: 3}", "encoder.size=big")
    assert message == '--set: encoder.size: expected a whole number, got "big"'


@pytest.mark.parametrize("assignment", ["encoder", "=3", "a..b=3", ""])
def test_an_override_that_is_no_assignment_is_refused(load: Any, assignment: str) -> None:
    assert refusal(load, "title: x", assignment)[0] == f"--set: {assignment!r} is not KEY=VALUE"


def test_an_override_through_a_number_is_refused(load: Any) -> None:
    message, _ = refusal(load, "title: x\ntraining: {rate: 1}", "training.rate.x=1")
    assert message == "--set: training.rate.x: training.rate has no such key"


MALFORMED = {
    "duplicate": ("title: x\ntitle: y\n", "x.yaml:2: title: this key stands twice (first on line 1)"),
    "inner duplicate": ("a:\n  b: 1\n  c: 1\n  b: 2\n",
                        "x.yaml:4: a.b: this key stands twice (first on line 2)"),
    "no yaml": ("title: [x\n", "x.yaml:2: not valid YAML: expected ',' or ']', but got '<stream end>'"),
    "tab": ("a:\n\tb: 1\n", "x.yaml:2: not valid YAML: found character '\\t' that cannot start any token"),
    "object": ("a: !!python/object/apply:os.system [ls]\n",
               "x.yaml:1: a: the tag !!python/object/apply:os.system is not allowed"),
    "two documents": ("a: 1\n---\nb: 1\n", "x.yaml:2: not valid YAML: but found another document"),
    "number as key": ("a: {1: 2}\n", "x.yaml:1: a: a key must be a word, not '1'"),
    "deep": ("[" * 10_000, "x.yaml:1: not valid YAML: more than 40 levels"),
    "long number": ("a: " + "9" * 5000, "x.yaml:1: a: '" + "9" * 36 + "…' cannot be read as int"),
    "control character": ("a: \x01", "x.yaml: not valid YAML: special characters are not allowed"),
    "alias to itself": ("a: &a [*a]", "x.yaml:1: " + ".".join(["a"] + ["0"] * 40)
                        + ": too large once its aliases are written out"),
}  # fmt: skip


def test_a_long_text_is_cut_and_its_quotes_are_closed() -> None:
    assert show("a" * 58) == '"' + "a" * 58 + '"'
    assert show("a" * 59) == '"' + "a" * 56 + '…"'
    assert show(10**58) == "1" + "0" * 55 + "…"


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_yaml_is_refused_with_its_line(load: Any, case: str) -> None:
    text, message = MALFORMED[case]
    assert refusal(load, text)[0] == message


def test_aliases_cannot_grow_without_bound(load: Any) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    assert refusal(load, "\n".join(lines))[0].endswith("too large once its aliases are written out")


def test_an_alias_stands_for_its_value(load: Any) -> None:
    assert load("title: x\nfiles: &f [a]\ntraining: {max_epochs: 1}\n").files == ["a"]


def test_a_byte_order_mark_is_no_part_of_the_first_key(load: Any) -> None:
    assert load("\ufefftitle: x").title == "x"


def test_invalid_utf8_gives_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_bytes(b"title: x\nfiles: \xff\n")
    with pytest.raises(ConfigError, match=r"^x.yaml:2: not valid UTF-8 \(byte 0xff\)$"):
        load_yaml_settings("x.yaml", Root)


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^no.yaml: no such file$"):
        load_yaml_settings("no.yaml", Root)


def test_a_directory_is_no_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"^x.yaml: cannot be read: Is a directory$"):
        load_yaml_settings("x.yaml", Root)


def test_a_file_that_is_no_config_by_its_size_is_not_parsed(load: Any) -> None:
    assert refusal(load, "#" * 1_000_001)[0] == "x.yaml: too many bytes for a config"


def test_the_dump_is_in_the_order_of_the_schema_and_loads_to_the_same(load: Any) -> None:
    root = load("training: {rate: 1e-5}\ntitle: 'no'\nfiles: [a, b]\nencoder: stack")
    text = dump_settings(root)
    assert text.splitlines()[:5] == [
        "title: 'no'",
        "files: [a, b]",
        "encoder:",
        "  name: stack",
        "  size: 512",
    ]
    assert load(text) == root


@pytest.mark.parametrize(
    "word", ["1e-3", "no", "null", "~", "", "0o7", "08", "a: b", "ß", "2020-01-01", "[", "=", "\n"]
)
def test_dumped_text_stays_text_in_yaml_1_1_and_1_2(word: str) -> None:
    text = dump({"a": word})
    assert parse(text, "x").data == {"a": word}
    assert yaml.safe_load(text) == {"a": word}


def test_members_lists_names_in_order() -> None:
    assert list(members(Annotated[Rnn.Options | Stack.Options, choice()])) == ["rnn", "stack"]
    assert list(members(Annotated[Stack.Options, choice()])) == ["stack"]


def test_a_component_is_the_class_around_its_options() -> None:
    assert component(Rnn.Options) is Rnn


def test_a_settings_object_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Training().rate = 2.0  # type: ignore[misc]


def test_did_you_mean_asks_only_for_near_names() -> None:
    assert did_you_mean("aditive", ["dot", "additive"]) == "did you mean 'additive'? allowed: dot, additive"
    assert did_you_mean("zzz", ["dot"]) == "allowed: dot"
    assert did_you_mean("zzz", []) == ""
