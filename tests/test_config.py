"""The config: its sections, its errors, and every row of the table of combinations that make no sense."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from nmt.attention.scopes import ScopeOptions
from nmt.combinations import FORBIDDEN_KEYS, FORBIDDEN_VALUES, markdown_table
from nmt.config import Config, TrainingSettings, config_hash, dump_config, load_config
from nmt.errors import ConfigError
from nmt.settings import members

DATA = "data:\n  train: {source: a.en, target: a.de}\n  valid: {source: b.en, target: b.de}\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str, *overrides: str) -> Config:
    Path("x.yaml").write_text(DATA + text, encoding="utf-8")
    return load_config("x.yaml", overrides)


def refusal(text: str, *overrides: str) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(text, *overrides)
    return caught.value.message, caught.value.hint


def test_the_design_s_config_in_full_is_read() -> None:
    text = """
languages: {source: en, target: de}
tokenizer: {name: unigram, vocabulary_size: 6000, shared: true, normalization: identity, lowercase: false}
model:
  embedding_size: 256
  tied_embeddings: all
  dropout: 0.2
  encoder: {name: rnn, cell: gru, size: 256, num_layers: 1, bidirectional: true}
  decoder:
    name: rnn
    cell: gru
    size: 512
    num_layers: 1
    query: previous
    input_feeding: false
    deep_output: true
    attention: {score: additive, normalizer: softmax, scope: global, heads: 1}
training:
  seed: 1
  batch_tokens: 4096
  accumulate: 1
  optimizer: {name: adam, learning_rate: 1e-3, betas: [0.9, 0.98]}
  schedule: {name: inverse_sqrt, warmup: 1000}
  label_smoothing: 0.1
  clip_norm: 1.0
  precision: auto
  max_updates: 20000
  max_epochs: null
  max_minutes: null
  validate_every: 500
  checkpoint_every: 500
  keep_last: 3
  average_last: 0
  patience: 10
  select_by: bleu
search: {name: beam, beam_size: 5, length_penalty: 0.6, coverage_penalty: 0.0, max_length_ratio: 2.0}
"""
    assert load(text).training == TrainingSettings()


def test_the_resolved_config_is_read_back_equal() -> None:
    config = load("model: {encoder: transformer, decoder: transformer}", "training.optimizer.learning_rate=1e-5")
    Path("resolved.yaml").write_text(dump_config(config), encoding="utf-8")
    assert load_config("resolved.yaml") == config


def test_the_resolved_config_has_the_sections_in_the_schema_s_order() -> None:
    assert list(yaml.safe_load(dump_config(load("")))) == list(Config.model_fields)


def test_the_hash_is_of_the_resolved_config() -> None:
    assert config_hash(load("training: {seed: 1}")) == config_hash(load(""))
    assert config_hash(load("training: {seed: 2}")) != config_hash(load(""))


def test_fewer_than_sixty_settings_stand_outside_the_components() -> None:
    sections = [Config, *(field.annotation for field in Config.model_fields.values())]
    counted = sum(len(section.model_fields) for section in sections if hasattr(section, "model_fields"))
    assert counted <= 60


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "model:\n  encoder:\n    name: rnn\n    sise: 3\n",
            "x.yaml:7: model.encoder.sise: unknown key",
            "did you mean 'size'? allowed: name, cell, size, num_layers, bidirectional, reverse",
        ),
        (
            "training:\n  batch_tokens: many\n",
            'x.yaml:5: training.batch_tokens: expected a whole number, got "many"',
            "",
        ),
        (
            "training: {optimizer: {name: adam, learning_rate: -1}}",
            "x.yaml:4: training.optimizer.learning_rate: must be more than 0, got -1",
            "",
        ),
        ("training: {label_smoothing: 1}", "x.yaml:4: training.label_smoothing: must be less than 1, got 1", ""),
        (
            "training: {optimizer: {name: adam, betas: [0.9, 1.0]}}",
            "x.yaml:4: training.optimizer.betas.1: must be less than 1, got 1.0",
            "",
        ),
        (
            "model:\n  decoder: {name: rnn, attention: {score: aditive}}\n",
            'x.yaml:5: model.decoder.attention.score: unknown name "aditive"',
            "did you mean 'additive'? allowed: dot, general, concat, additive, mlp, scaled_dot, cosine, location",
        ),
        (
            "tokenizer: sentencepiece",
            'x.yaml:4: tokenizer: unknown name "sentencepiece"',
            "allowed: unigram, bpe, word, char",
        ),
        (
            "learning_rate: 3",
            "x.yaml:4: learning_rate: unknown key",
            "did you mean 'training.optimizer.learning_rate'? "
            "here: languages, data, tokenizer, model, training, search",
        ),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(text: str, message: str, hint: str) -> None:
    assert refusal(text) == (message, hint)


def test_several_source_texts_need_a_combination() -> None:
    data = DATA.replace("source: a.en", "source: [[a.en], [c.en]]").replace("source: b.en", "source: [[b.en], [d.en]]")
    Path("x.yaml").write_text(data, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^x.yaml:2: data.train.source: several sources in data"):
        load_config("x.yaml")
    Path("x.yaml").write_text(data + "model:\n  sources: {combine: gate}\n", encoding="utf-8")
    assert load_config("x.yaml").data.inputs.num_sources == 2


def test_sources_to_combine_are_refused_where_there_is_one() -> None:
    assert refusal("model:\n  sources: {combine: concat}\n")[0].startswith("x.yaml:5: model.sources: several sources")


CONFIGS = sorted(Path(__file__).parents[1].glob("configs/**/*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_recipe_is_read_and_built(path: Path) -> None:
    config = load_config(path)
    with torch.device("meta"):
        size = config.tokenizer.vocabulary_size
        assert config.model.build(size, size, config.data.inputs.num_sources)


TRANSFORMER = "model:\n  embedding_size: 64\n  encoder: transformer\n  decoder:\n    name: transformer\n"
CONV = "model:\n  embedding_size: 64\n  decoder:\n    name: conv\n"
FORBIDDEN = {
    "`decoder: transformer` or `conv` with `attention: none`": (CONV + "    attention: none\n", 8),
    "`decoder: transformer` with `attention.heads`": (TRANSFORMER + "    attention: {score: dot, heads: 2}\n", 9),
    "`decoder: transformer` with `attention.hops`": (TRANSFORMER + "    attention: {score: dot, hops: 2}\n", 9),
    "`decoder.self_attention` with `scope: ntm` or `hard`": (TRANSFORMER + "    self_attention: {scope: hard}\n", 9),
    "several sources in `data` without `model.sources`, or this without them": (
        "  context: {sentences: 2}\n",
        4,
    ),
    "`sources.co_attention` of more or fewer than two sources": (
        "  context: {sentences: 2}\nmodel:\n  sources: {co_attention: true}\n",
        6,
    ),
    "`decoder: transformer` or `conv` with `input_feeding`": (TRANSFORMER + "    input_feeding: true\n", 9),
    "`decoder: transformer` or `conv` with `query`": (TRANSFORMER + "    query: current\n", 9),
    "`decoder: transformer` or `conv` with `deep_output`": (TRANSFORMER + "    deep_output: true\n", 9),
    "`decoder: transformer` or `conv` with `bridge`": (TRANSFORMER + "    bridge: copy\n", 9),
    "`decoder: transformer` or `conv` with `cell`": (TRANSFORMER + "    cell: gru\n", 9),
    "`decoder: transformer` with `size`": (TRANSFORMER + "    size: 64\n", 9),
    "`decoder: conv` with `heads`": (CONV + "    heads: 2\n", 8),
    "`decoder: conv` with `self_attention`": (CONV + "    self_attention: {score: dot}\n", 8),
    "`decoder: conv` whose `attention.heads` do not divide `embedding_size`": (CONV + "    attention: {heads: 3}\n", 8),
    "`tied_embeddings: all` without `tokenizer.shared`": (
        "tokenizer: {name: word, shared: false}\nmodel:\n  tied_embeddings: all\n",
        6,
    ),
    "`tied_embeddings: all` with several `source_embeddings`": (
        "model:\n  tied_embeddings: all\n  source_embeddings: 2\n",
        6,
    ),
    "`encoder: transformer` whose `heads` do not divide `embedding_size`": (
        "model:\n  embedding_size: 64\n  encoder: {name: transformer, heads: 3}\n",
        6,
    ),
    "`decoder: transformer` whose `heads` do not divide `embedding_size`": (
        "model:\n  embedding_size: 64\n  decoder: {name: transformer, heads: 5}\n",
        6,
    ),
    "`attention.heads` that do not divide `decoder.size`": (
        "model:\n  decoder:\n    name: rnn\n    size: 100\n    attention: {heads: 3}\n",
        8,
    ),
    "`score: dot`, `scaled_dot` or `cosine` over states of another width than the decoder's": (
        "model:\n  encoder: {name: rnn, size: 100}\n  decoder: {name: rnn, size: 100, attention: {score: dot}}\n",
        6,
    ),
    "several `attention.hops` over states of another width than the decoder's": (
        "model:\n  encoder: {name: rnn, size: 100}\n  decoder: {name: rnn, size: 100, attention: {hops: 2}}\n",
        6,
    ),
    "`model.sources` with `attention: none`": (
        "  context: {sentences: 1}\nmodel:\n  sources: {combine: gate}\n  decoder: {name: rnn, attention: none}\n",
        6,
    ),
    "`encoder.self_attention` with `scope: ntm` or `hard`": (
        "model:\n  encoder: {name: transformer, self_attention: {scope: ntm}}\n",
        5,
    ),
    "`coverage` in a `self_attention`": (
        "model:\n  encoder: {name: transformer, self_attention: {score: additive, coverage: {loss: 0.5}}}\n",
        5,
    ),
    "`scope: multi_dimensional` with another score than `additive`, `concat` or `mlp`": (
        "model:\n  decoder:\n    name: rnn\n    attention:\n      score: general\n      scope: multi_dimensional\n",
        9,
    ),
    "`attention.coverage` with `vector` and another score than `additive`": (
        "model:\n  decoder:\n    name: rnn\n    attention:\n      score: general\n      coverage: {loss: 0.5}\n",
        9,
    ),
    "`attention.coverage` with neither `vector` nor `loss`": (
        "model:\n  decoder:\n    name: rnn\n    attention:\n      coverage: {vector: false, loss: 0.0}\n",
        8,
    ),
    "`output: pointer` with `model.sources`": (
        "  context: {sentences: 1}\nmodel:\n  tied_embeddings: all\n  output: pointer\n  sources: {combine: gate}\n"
        "  decoder: {name: rnn, query: current}\ntraining: {label_smoothing: 0.0}\n",
        7,
    ),
    "`score: location` with `scope: expanded`": (
        "model:\n  decoder:\n    name: rnn\n    attention:\n      score: location\n      scope: expanded\n",
        9,
    ),
    "`bridge: backward` without a bidirectional encoder": (
        "model:\n  encoder: {name: rnn, bidirectional: false}\n  decoder: {name: rnn, bridge: backward}\n",
        6,
    ),
    "`bridge: copy` between states that differ in layers, cell or width": (
        "model:\n  encoder: {name: rnn, cell: lstm}\n  decoder: {name: rnn, bridge: copy}\n",
        6,
    ),
    "`attention: {name: none, context: initial}` with `bridge: zero`": (
        "model:\n  decoder:\n    name: rnn\n    attention: none\n    bridge: zero\n",
        8,
    ),
    "`attention: {name: none, context: initial}` with `bridge: backward`": (
        "model:\n  decoder:\n    name: rnn\n    attention: none\n    bridge: backward\n",
        8,
    ),
    "`encoder.reverse` with `bidirectional`": ("model:\n  encoder: {name: rnn, reverse: true}\n", 5),
    "`positions: learned` with fewer `max_positions` than `data.max_length`": (
        "model:\n  encoder:\n    name: transformer\n    positions: {name: learned, max_positions: 100}\n",
        7,
    ),
    "`schedule: cosine` without `max_updates` above its `warmup`": (
        "training:\n  max_updates: 100\n  schedule: cosine\n",
        6,
    ),
    "`max_updates`, `max_epochs`, `max_minutes` and `patience` all null": (
        "training:\n  patience: null\n  max_updates: null\n",
        6,
    ),
    "`output: copy` or `pointer` with `attention: none`": (
        "model:\n  output: copy\n  decoder: {name: rnn, attention: none}\n",
        5,
    ),
    "`output: copy` or `pointer` with `scope: hard`": (
        "model:\n  output: copy\n  decoder: {name: rnn, attention: {scope: hard}}\n",
        5,
    ),
    "`output: pointer` with another decoder than `rnn`": ("model:\n  decoder: transformer\n  output: pointer\n", 6),
    "`output: pointer` with `query: previous`": ("model:\n  output: pointer\n", 5),
    "`output: pointer` with several `attention.heads`": (
        "model:\n  output: pointer\n  decoder: {name: rnn, query: current, attention: {heads: 2}}\n",
        5,
    ),
    "`output: pointer` with `label_smoothing`": (
        "model: {output: pointer, decoder: {name: rnn, query: current}}\ntraining:\n  label_smoothing: 0.2\n",
        6,
    ),
    "`output: pointer` with `tied_embeddings: target`": (
        "model:\n  tied_embeddings: target\n  output: pointer\n  decoder: {name: rnn, query: current}\n"
        "training: {label_smoothing: 0}\n",
        5,
    ),
    "`training.risk` without `start_from`": ("training:\n  risk: {samples: 4}\n", 5),
    "`training.risk` with `output: copy` or `pointer`": (
        "model: {output: copy}\ntraining:\n  start_from: runs/x\n  risk: {}\n",
        7,
    ),
    "`training.risk` with `label_smoothing`": ("training:\n  start_from: runs/x\n  risk: {}\n", 6),
    "`training.risk` with `coverage.loss`": (
        "model: {decoder: {name: rnn, attention: {coverage: {}}}}\n"
        "training: {start_from: runs/x, risk: {}, label_smoothing: 0}\n",
        5,
    ),
    "`training.risk` with `scope: hard`": (
        "model: {decoder: {name: rnn, attention: {scope: hard}}}\n"
        "training: {start_from: runs/x, risk: {}, label_smoothing: 0}\n",
        5,
    ),
    "`search.coverage_penalty` with `attention: none`": (
        "model: {decoder: {name: rnn, attention: none}}\nsearch: {name: beam, coverage_penalty: 0.2}\n",
        5,
    ),
}
ONLY_RECURRENT = {
    "attention": "none",
    "input_feeding": "true",
    "query": "current",
    "deep_output": "true",
    "bridge": "copy",
    "cell": "gru",
}
RULES = {rule.combination: rule for rule in (*FORBIDDEN_KEYS, *FORBIDDEN_VALUES)}


def test_every_row_of_the_table_has_its_test() -> None:
    assert set(FORBIDDEN) == set(RULES)


def test_of_several_attentions_the_wrong_one_is_blamed() -> None:
    right, wrong = "{score: additive, scope: global}", "{score: location, scope: expanded}"
    part = "  {}: {{name: transformer, heads: 2, self_attention: {}}}\n"
    text = "model:\n  embedding_size: 16\n" + part.format("encoder", wrong) + part.format("decoder", right)
    message, _ = refusal(text.replace(right, f"{right}, attention: {right}"))
    assert message.startswith("x.yaml:6: model.encoder.self_attention.scope: ")


@pytest.mark.parametrize("combination", RULES)
def test_an_impossible_combination_is_refused_with_line_reason_and_way_out(combination: str) -> None:
    text, line = FORBIDDEN[combination]
    rule = RULES[combination]
    message, hint = refusal(text)
    assert message.startswith(f"x.yaml:{line}: ")
    assert any(f": {key}: " in message for key in rule.keys)
    assert message.endswith(rule.reason)
    assert hint == rule.instead


@pytest.mark.parametrize("name", ["transformer", "conv"])
@pytest.mark.parametrize("key", ONLY_RECURRENT)
def test_a_decoder_without_a_recurrence_refuses_what_only_a_recurrence_has(key: str, name: str) -> None:
    message, hint = refusal(f"model:\n  decoder:\n    name: {name}\n    {key}: {ONLY_RECURRENT[key]}\n")
    assert message.startswith(f"x.yaml:7: model.decoder.{key}: decoder: transformer or conv with ")
    assert hint == "remove the key, or take `decoder: {name: rnn}`"


def test_the_refusal_of_a_combination_in_full() -> None:
    text, _ = FORBIDDEN["`tied_embeddings: all` without `tokenizer.shared`"]
    assert refusal(text) == (
        "x.yaml:6: model.tied_embeddings: tied_embeddings: all without tokenizer.shared: "
        "one table of embeddings needs one vocabulary for both sides",
        "set tokenizer.shared: true, or tied_embeddings: target or none",
    )


def test_a_combination_made_by_an_override_names_set() -> None:
    message, _ = refusal("tokenizer: {name: word, shared: true}", "tokenizer.shared=false")
    assert message.startswith("--set: tokenizer.shared: ")


@pytest.mark.parametrize("combination", RULES)
def test_the_table_for_the_docs_has_every_row(combination: str) -> None:
    rule = RULES[combination]
    assert f"| {combination} | {rule.reason} | {rule.instead} |" in markdown_table()


POSSIBLE: dict[str, Any] = {
    "the defaults": "",
    "heads that divide the width": "model: {decoder: {name: rnn, size: 12, attention: {heads: 3}}}",
    "dot over equal widths": "model: {encoder: {name: rnn, size: 8}, decoder: {name: rnn, size: 16, "
    "attention: {score: dot}}}",
    "dot of many heads": "model: {decoder: {name: rnn, size: 100, attention: {score: dot, heads: 4}}}",
    "copy of equal states": "model: {encoder: {name: rnn, size: 8, num_layers: 2}, "
    "decoder: {name: rnn, size: 16, num_layers: 2, bridge: copy, attention: none}}",
    "a recurrent decoder over a Transformer": "model: {encoder: transformer, decoder: {name: rnn, size: 256, "
    "attention: {score: dot}}}",
    "a Transformer over a recurrent encoder": "model: {decoder: transformer}",
    "additive scores in a Transformer": "model: {encoder: {name: transformer, self_attention: {score: additive, "
    "scope: local_m}}, decoder: {name: transformer, self_attention: {score: cosine, scope: expanded}, "
    "attention: {scope: local_p}}}",
    "places in a Transformer": "model: {encoder: {name: transformer, self_attention: {score: location}}, "
    "decoder: {name: transformer, self_attention: {score: location}, attention: {score: location}}}",
    "a convolutional decoder over a recurrent encoder": "model: {embedding_size: 12, decoder: {name: conv, size: 7, "
    "attention: {heads: 3, scope: local_p}}}",
    "reading backwards": "model: {encoder: {name: rnn, bidirectional: false, reverse: true}}",
    "copying from several heads": "model: {output: copy, decoder: {name: rnn, attention: {heads: 2}}}",
    "copying in a Transformer": "model: {output: copy, decoder: transformer}",
    "pointing": "model: {output: pointer, decoder: {name: rnn, query: current}}\ntraining: {label_smoothing: 0}",
    "learned positions": "model: {encoder: {name: transformer, positions: learned}, decoder: transformer}",
}


@pytest.mark.parametrize("text", POSSIBLE.values(), ids=POSSIBLE)
def test_what_the_table_lets_pass_is_built(text: str) -> None:
    with torch.device("meta"):
        assert load(text).model.build(50, 50)


def draw_model(chance: random.Random) -> dict[str, Any]:
    """Any of the combinations of parts and small sizes, sensible or not."""
    pick = chance.choice
    cell, layers, heads = (lambda: pick(["gru", "lstm"])), (lambda: pick([1, 2])), (lambda: pick([1, 2, 3]))
    none = {"name": "none", "context": pick(["initial", "every_step"])}
    scope = pick(["global", *members(ScopeOptions)])
    score = pick(["dot", "general", "additive", "cosine", "location"])
    coverage = pick([None, None, {}, {"vector": False}])
    mechanism = {"score": score, "scope": scope, "coverage": coverage}
    attention = pick([none, {**mechanism, "heads": heads(), "hops": pick([1, 1, 2])}])
    transformer = {"name": "transformer", "num_layers": 1, "heads": heads(), "feed_forward_size": 8}
    both_ways = {"bidirectional": pick([True, False]), "reverse": pick([True, False, False])}
    rnn_encoder = {"name": "rnn", "cell": cell(), "size": pick([4, 6]), "num_layers": layers(), **both_ways}
    bridge = pick(["dense", "backward", "copy", "zero"])
    rnn_decoder = {"name": "rnn", "cell": cell(), "size": pick([4, 6, 8, 12]), "num_layers": layers(), "bridge": bridge}
    snail = {"name": "snail", "size": pick([4, 8]), "filters": 2, "span": 3, "key_size": 2, "value_size": 2}
    lstmn = {"name": "lstmn", "size": pick([4, 8]), "num_layers": layers()}
    conv = {
        "name": "conv",
        "size": pick([4, 6]),
        "width": pick([1, 2]),
        "attention": {"score": score, "heads": heads()},
    }
    recurrent = {**rnn_decoder, "attention": attention, "query": pick(["previous", "current"])}
    return {
        "embedding_size": pick([4, 6, 7]),
        "source_embeddings": pick([1, 1, 2]),
        "gated_layers": pick([0, 1]),
        "tied_embeddings": pick(["none", "target", "all"]),
        "encoder": pick([rnn_encoder, transformer, {"name": "conv", "size": 5}, snail, lstmn]),
        "decoder": pick([recurrent, transformer, conv]),
    }


@pytest.mark.parametrize("seed", range(5))
def test_a_model_that_cannot_be_built_is_in_the_table(seed: int) -> None:
    chance = random.Random(seed)
    data = {name: {"source": "a", "target": "b"} for name in ("train", "valid")}
    for _ in range(40):
        shared, model = chance.random() < 0.8, draw_model(chance)
        tokenizer = {"name": "word", "shared": shared}
        config = Config.model_validate({"data": data, "tokenizer": tokenizer, "model": model})
        if not any(rule.broken(config) for rule in FORBIDDEN_VALUES):
            with torch.device("meta"):
                assert config.model.build(20, 20 if shared else 21)
