"""What is measured against whom: the rows of the table in docs/benchmarks.md, and the contenders that they compare.

A contender is one way of doing a work: `transformer/huggingface-float32-tuned`. "tuned" is glibc's allocator with the
settings that nmt's own commands start themselves with; peers run with and without them, and the better one counts.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Contender(NamedTuple):
    """`program` is ours, products, or the adapter and the environment of a peer."""

    program: str
    options: Mapping[str, Any]
    tuned: bool


class Row(NamedTuple):
    """One line of the table: the best of `ours` by `figure` over the best of `peers`, at least `asked`.

    For `peak_bytes` less is better, and ours is the contender that is chosen for speed."""

    work: str
    against: str
    ours: tuple[str, ...]
    peers: tuple[str, ...]
    figure: str
    asked: float
    aim: float


class Training(NamedTuple):
    """A model that is trained: its title, and what peers need to know to build the same one."""

    title: str
    model: Mapping[str, Any]
    peers: tuple[str, ...]
    low_precision_peers: tuple[str, ...]


TRAININGS = {
    "transformer": Training(
        "training, Transformer 3+3 256/1024",
        {"kind": "transformer", "layers": 3, "size": 256, "ffn_dim": 1024, "heads": 4, "dropout": 0.1},
        ("huggingface", "fairseq"),
        ("huggingface", "fairseq"),
    ),
    "tiny": Training(
        "training, Transformer-tiny 4+4 128/256",
        {"kind": "transformer", "layers": 4, "size": 128, "ffn_dim": 256, "heads": 4, "dropout": 0.1},
        ("huggingface", "fairseq"),
        ("huggingface", "fairseq"),
    ),
    "rnn": Training(
        "training, RNN (LSTM 512, general attention, input feeding)",
        {"kind": "rnn", "size": 256, "state": 512, "dropout": 0.1},
        ("eole",),
        ("eole",),
    ),
    "bahdanau": Training(
        "training, Bahdanau (GRU 512, additive)",
        {"kind": "rnn", "size": 256, "state": 512, "cell": "gru", "attention": "bahdanau", "dropout": 0.1},
        ("joeynmt",),
        (),
    ),
}
NAMES = {"huggingface": "Hugging Face", "fairseq": "fairseq", "eole": "Eole", "joeynmt": "JoeyNMT"}
PRECISIONS = ("float32", "bfloat16")
MARIAN = {**TRAININGS["transformer"].model, "source": "test.source"}
JOEY = {"kind": "rnn", "size": 512, "state": 512, "cell": "gru", "attention": "bahdanau", "dropout": 0.0}
FIRST = {"name": "beam", "beam_size": 5, "stopping": "first", "length_penalty": 0.0}
GREEDY = {"name": "greedy"}


def contenders() -> dict[str, Contender]:
    """All of them, by name; the part before the slash is the work that they share."""
    return dict([*_training_contenders(), *_transformer_search(), *_recurrent_search()])


def _training_contenders() -> Iterator[tuple[str, Contender]]:
    for work, training in TRAININGS.items():
        for precision in PRECISIONS:
            options = {"work": "train", "config": work, "model": training.model, "precision": precision}
            yield f"{work}/ours-{precision}", Contender("ours", options, tuned=True)
            for name in _peers(work, precision):
                yield name, Contender(name.split("/")[1].split("-")[0], options, name.endswith("-tuned"))
        yield (
            f"{work}/products-float32",
            Contender("products", {"work": "products", "precision": "float32"}, tuned=True),
        )


def _transformer_search() -> Iterator[tuple[str, Contender]]:
    for work, beam_size, batch_sentences, search in (("beam", 5, 32, FIRST), ("greedy", 1, 64, GREEDY)):
        options = {"work": "decode", "config": "transformer", "model": MARIAN, "beam_size": beam_size}
        options |= {"search": search, "batch_sentences": batch_sentences, "lines": 1000}
        for precision in ("float32", "bfloat16", "int8"):
            yield f"{work}/ours-{precision}", Contender("ours", {**options, "precision": precision}, tuned=True)
        for name, tuned in settings(f"{work}/huggingface-float32"):
            yield name, Contender("huggingface", {**options, "weights": "marian"}, tuned)
        for precision in ("float32", "int8"):
            for workers in (1, 2):
                own = {"precision": precision, "workers": workers, "weights": "ctranslate2"}
                for name, tuned in settings(f"{work}/ctranslate2-{precision}-{workers}-workers"):
                    yield name, Contender("ctranslate2", {**options, **own}, tuned)


def _recurrent_search() -> Iterator[tuple[str, Contender]]:
    options = {"work": "decode", "config": "rnn_decoding", "model": JOEY, "beam_size": 5, "search": FIRST}
    options |= {"batch_sentences": 64, "lines": 300, "weights": "joeynmt"}
    for precision in ("float32", "bfloat16", "int8"):
        yield f"recurrent/ours-{precision}", Contender("ours", {**options, "precision": precision}, tuned=True)
    for name, tuned in settings("recurrent/joeynmt-float32"):
        yield name, Contender("joeynmt", options, tuned)


def rows() -> dict[str, Row]:
    """All of them, in the order of the table."""
    return dict([*_training_rows(), *_memory_rows(), *_search_rows(), *_share_rows()])


def settings(name: str) -> Iterator[tuple[str, bool]]:
    """A peer's name without and with the tuned allocator."""
    yield name, False
    yield f"{name}-tuned", True


def names(*contenders: str) -> tuple[str, ...]:
    """The names of the `settings` of some peers."""
    return tuple(name for contender in contenders for name, _ in settings(contender))


def _peers(work: str, precision: str) -> tuple[str, ...]:
    """Those that train so; in bfloat16 only with the tuned allocator, which is always the faster."""
    if precision == "float32":
        return names(*(f"{work}/{peer}-float32" for peer in TRAININGS[work].peers))
    return tuple(f"{work}/{peer}-{precision}-tuned" for peer in TRAININGS[work].low_precision_peers)


def _training_rows() -> Iterator[tuple[str, Row]]:
    asked = {
        "transformer": ((1.15, 1.4), (2.0, 3.0)),
        "tiny": ((1.5, 3.0), (2.0, 3.0)),
        "rnn": ((1.5, 3.0), (2.0, 3.0)),
        "bahdanau": ((3.0, 6.0), (3.0, 6.0)),
    }
    for work, training in TRAININGS.items():
        named = " or ".join(NAMES[peer] for peer in training.peers)
        against = f"{named}, float32"
        for precision, marks in zip(PRECISIONS, asked[work], strict=True):
            ours = (f"{work}/ours-{precision}",)
            title = f"{training.title}, {precision}"
            yield f"train-{work}-{precision}", Row(title, against, ours, _peers(work, "float32"), "rate", *marks)
        if training.low_precision_peers:
            peers, against = _peers(work, "bfloat16"), f"{named}, bfloat16 autocast"
            yield f"train-{work}-both-bfloat16", Row(title, against, ours, peers, "rate", *marks)


def _memory_rows() -> Iterator[tuple[str, Row]]:
    for work, training in TRAININGS.items():
        for precision in PRECISIONS:
            peers = _peers(work, "float32") + (_peers(work, "bfloat16") if precision == "bfloat16" else ())
            against = f"the leanest of {', '.join(NAMES[peer] for peer in training.peers)}"
            title = f"peak memory: {training.title}, {precision}"
            ours = (f"{work}/ours-{precision}",)
            yield f"memory-{work}-{precision}", Row(title, against, ours, peers, "peak_bytes", 0.6, 0.4)


def _search_rows() -> Iterator[tuple[str, Row]]:
    def engine(work: str, precision: str) -> tuple[str, ...]:
        return names(*(f"{work}/ctranslate2-{precision}-{workers}-workers" for workers in (1, 2)))

    for work, title, against, asked in (
        ("beam", "decoding, Transformer, beam 5, float32", (2.2, 3.0), (0.8, 1.1)),
        ("greedy", "decoding, Transformer, greedy, float32", None, (0.7, 1.0)),
    ):
        ours = (f"{work}/ours-float32",)
        if against:
            peers = names(f"{work}/huggingface-float32")
            yield f"decode-{work}-huggingface", Row(title, "Hugging Face generate", ours, peers, "rate", *against)
        peers, name = engine(work, "float32"), "CTranslate2 float32, its best workers"
        yield f"decode-{work}-float32", Row(title, name, ours, peers, "rate", *asked)
    reduced = ("beam/ours-bfloat16", "beam/ours-int8")
    title, against = (
        "decoding, Transformer, beam 5, our fastest reduced precision",
        "CTranslate2 int8, its best workers",
    )
    yield "decode-beam-reduced", Row(title, against, reduced, engine("beam", "int8"), "rate", 0.8, 1.2)
    title, peers = "decoding, RNN with attention, beam 5", names("recurrent/joeynmt-float32")
    for kind, precisions in (("float32", ("float32",)), ("our fastest reduced precision", ("bfloat16", "int8"))):
        ours = tuple(f"recurrent/ours-{precision}" for precision in precisions)
        name = "decode-recurrent" + ("" if kind == "float32" else "-reduced")
        yield name, Row(f"{title}, {kind}", "JoeyNMT", ours, peers, "rate", 5.0, 10.0)


def _share_rows() -> Iterator[tuple[str, Row]]:
    ours, products = ("transformer/ours-float32",), ("transformer/products-float32",)
    title = "share of the float32 product rate: training, Transformer 3+3 256/1024, float32"
    yield "share-transformer-float32", Row(title, "torch's float32 products", ours, products, "gflops", 0.7, 0.8)
