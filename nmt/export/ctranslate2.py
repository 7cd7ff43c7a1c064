"""A trained Transformer as a CTranslate2 model, written with CTranslate2's own specifications.

What is ours in it: embeddings are multiplied by √size, positions come from a table, a source ends with the
end-of-sentence piece and a target begins with the beginning-of-sentence piece, and the output has a bias. What
CTranslate2 cannot compute is refused: recurrent networks, and attention other than softmax over scaled products.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nmt.attention.heads import Mechanism, MultiHead
from nmt.checkpoint import Run
from nmt.config import Config
from nmt.decoders.output import Softmax
from nmt.errors import ExportError
from nmt.export import Quantization
from nmt.export.directory import (
    DESCRIPTION,
    Description,
    Exported,
    check_place,
    is_export,
    open_export,
    place,
    weights_hash,
)
from nmt.export.library import ctranslate2
from nmt.layers.transformer import FeedForward, TransformerSettings
from nmt.model import EncoderDecoder
from nmt.search import LENGTH_ALLOWANCE
from nmt.storage.manifest import whole_directory, write_json
from nmt.text.tokenizers import Tokenizers, save_tokenizers
from nmt.text.vocabulary import BOS, EOS, SPECIALS, UNKNOWN
from nmt.yaml_source import read_document

specs = ctranslate2.specs
POSITIONS = 1024  # rows of a table of sinusoidal positions, at least
CARRIED = frozenset({"name", "num_layers", "heads", "feed_forward_size", "norm", "activation", "positions"})
ATTENTIONS = frozenset({"self_attention", "attention"})  # of a Transformer's part
ACTIVATIONS = {"relu": specs.common_spec.Activation.RELU, "gelu": specs.common_spec.Activation.GELU}


def export(
    run: Run,
    checkpoint: str = "best",
    quantization: Quantization = "float32",
    output: Path | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a checkpoint's model for CTranslate2, with tokenizers and settings, into `output` or its place in the run.

    Raises: ExportError for what CTranslate2 cannot compute, CheckpointError for a place that is taken.
    """
    check_options(run)
    path = output or place(run, checkpoint, quantization)
    check_place(path, overwrite)
    return _write(run, checkpoint, quantization, path, overwrite)


def exported(run: Run, checkpoint: str = "best", quantization: Quantization = "float32") -> Exported:
    """The export of a checkpoint at its place in the run: as it is found, or made where it is missing or of other
    weights (an average changes as training goes on).

    Raises: as `export`; CheckpointError for one that is damaged.
    """
    path = place(run, checkpoint, quantization)
    if is_export(path):
        found = open_export(path)
        if found.description.weights == weights_hash(run.checkpoint(checkpoint)):
            return found
        return export(run, checkpoint, quantization, overwrite=True)
    return export(run, checkpoint, quantization)


def check_options(run: Run) -> None:
    """Raises: ExportError with file, line and key for the first setting that CTranslate2 has nothing for."""
    document = read_document(run.path / "config.yaml")
    for key, plain in (("source_embeddings", 1), ("gated_layers", 0)):
        if getattr(run.config.model, key) != plain:
            raise ExportError(
                f"{document.place(('model', key))}: model.{key}: CTranslate2 has nothing for it",
                "translate with `--engine torch`",
            )
    if run.config.model.output.name != "softmax":
        where = f"{document.place(('model', 'output'))}: model.output: {run.config.model.output.name}"
        raise ExportError(f"{where}: CTranslate2 scores its vocabulary alone", "translate with `--engine torch`")
    if run.config.data.inputs.num_sources > 1:
        message = f"{document.place(('data',))}: data: CTranslate2 reads one source"
        raise ExportError(message, "translate with `--engine torch`")
    for side in ("encoder", "decoder"):
        options = getattr(run.config.model, side)
        if not isinstance(options, TransformerSettings):
            message = f"{document.place(('model', side, 'name'))}: model.{side}.name: {options.name}: "
            raise ExportError(
                message + "CTranslate2 computes Transformers only, with softmax over scaled_dot in every layer",
                "translate with `--engine torch`, or train a model whose encoder and decoder are transformer",
            )
        for key in options.model_dump().keys() - CARRIED:
            where = f"{document.place(('model', side, key))}: model.{side}.{key}"
            if key in ATTENTIONS:
                _check_mechanism(getattr(options, key), where)
                continue
            raise ExportError(f"{where}: is not known to the export", "translate with `--engine torch`")


def _write(run: Run, checkpoint: str, quantization: Quantization, path: Path, overwrite: bool) -> Exported:
    config, model = run.config, run.load_model(checkpoint)
    spec = specification(model, config, run.tokenizers)
    spec.validate()
    spec.optimize(quantization=quantization)
    directory = run.checkpoint(checkpoint)
    description = Description(
        checkpoint=directory.name,
        weights=weights_hash(directory),
        quantization=quantization,
        languages=config.languages,
        search=config.search,
        max_length=min(config.data.max_length, model.encoder.max_length or config.data.max_length),
        max_target=model.decoder.max_length or longest(config),
    )
    with whole_directory(path, replace=overwrite) as beside:
        spec.save(str(beside))
        save_tokenizers(run.tokenizers, beside)
        write_json(beside / DESCRIPTION, description.model_dump(mode="json"))
    return Exported(path, description, new=True)


def specification(model: EncoderDecoder, config: Config, tokenizers: Tokenizers) -> Any:
    """The model, whose options have been checked, as a `ctranslate2.specs.TransformerSpec`, weights in float32."""
    encoder, decoder = config.model.encoder, config.model.decoder
    assert isinstance(encoder, TransformerSettings), "checked before"
    assert isinstance(decoder, TransformerSettings), "checked before"
    assert isinstance(model.source_embedding, nn.Embedding), "checked before"
    spec = specs.TransformerSpec(
        specs.TransformerEncoderSpec(**_shape(encoder)),
        specs.TransformerDecoderSpec(**_shape(decoder), alignment_heads=decoder.heads),
    )
    spec.encoder.embeddings[0].weight = _plain(model.source_embedding.weight)
    spec.decoder.embeddings.weight = _plain(model.target_embedding.weight)
    assert isinstance(model.output, Softmax), "checked before"
    spec.decoder.projection.weight = _plain(model.output.weight_VE)
    spec.decoder.projection.bias = _plain(model.output.bias_V)
    _fill_side(spec.encoder, model.encoder, longest(config))
    _fill_side(spec.decoder, model.decoder, longest(config))
    spec.register_source_vocabulary(list(tokenizers.source.vocabulary.pieces))
    spec.register_target_vocabulary(list(tokenizers.target.vocabulary.pieces))
    spec.config.unk_token, spec.config.bos_token, spec.config.eos_token = (SPECIALS[i] for i in (UNKNOWN, BOS, EOS))
    spec.config.decoder_start_token = SPECIALS[BOS]
    spec.config.add_source_eos = True
    spec.config.layer_norm_epsilon = _epsilon(model)
    return spec


def longest(config: Config) -> int:
    """Positions that any line can need, cut at data.max_length, and its translation."""
    return max(POSITIONS, math.ceil(config.data.max_length * config.search.max_length_ratio) + LENGTH_ALLOWANCE)


def _shape(options: TransformerSettings) -> dict[str, Any]:
    return {
        "num_layers": options.num_layers,
        "num_heads": options.heads,
        "pre_norm": options.norm == "pre",
        "activation": ACTIVATIONS[options.activation],
    }


def _check_mechanism(mechanism: Mechanism, where: str) -> None:
    if mechanism != Mechanism():
        raise ExportError(
            f"{where}: CTranslate2's attention is softmax over scaled_dot and the whole memory, and this is another",
            "translate with `--engine torch`",
        )


def _epsilon(model: EncoderDecoder) -> float:
    """The ε that all layer norms share."""
    (epsilon,) = {module.eps for module in model.modules() if isinstance(module, nn.LayerNorm)}
    return epsilon


def _fill_side(spec: Any, side: Any, positions: int) -> None:
    """Positions, layers and final norm of an encoder or a decoder."""
    table = torch.arange(side.max_length or positions)
    spec.position_encodings.encodings = _plain(side.entrance.positions(table))
    for layer_spec, layer in zip(spec.layer, side.layers, strict=True):
        if hasattr(layer, "cross_attention"):
            _fill_self_attention(layer_spec.self_attention, layer.self_attention, layer.looking_back.norm)
            _fill_cross_attention(layer_spec.attention, layer.cross_attention, layer.attending.norm)
        else:
            _fill_self_attention(layer_spec.self_attention, layer.attention, layer.attending.norm)
        _fill_feed_forward(layer_spec.ffn, layer.feed_forward, layer.feeding.norm)
    if isinstance(side.norm, nn.LayerNorm):
        _fill_norm(spec.layer_norm, side.norm)


def _fill_self_attention(spec: Any, attention: MultiHead, norm: nn.LayerNorm) -> None:
    _fill_linear(spec.linear[0], attention.query, _keys(attention), attention.value)
    _fill_linear(spec.linear[1], attention.output)
    _fill_norm(spec.layer_norm, norm)


def _fill_cross_attention(spec: Any, attention: MultiHead, norm: nn.LayerNorm) -> None:
    _fill_linear(spec.linear[0], attention.query)
    _fill_linear(spec.linear[1], _keys(attention), attention.value)
    _fill_linear(spec.linear[2], attention.output)
    _fill_norm(spec.layer_norm, norm)


def _keys(attention: MultiHead) -> nn.Linear:
    assert attention.key is not None, "scaled_dot reads keys"
    return attention.key


def _fill_feed_forward(spec: Any, feed_forward: FeedForward, norm: nn.LayerNorm) -> None:
    _fill_linear(spec.linear_0, feed_forward.inner)
    _fill_linear(spec.linear_1, feed_forward.outer)
    _fill_norm(spec.layer_norm, norm)


def _fill_linear(spec: Any, *layers: nn.Linear) -> None:
    """One product for several layers that read the same."""
    spec.weight = torch.cat([_plain(layer.weight) for layer in layers])
    spec.bias = torch.cat([_plain(layer.bias) for layer in layers])


def _fill_norm(spec: Any, norm: nn.LayerNorm) -> None:
    spec.gamma, spec.beta = _plain(norm.weight), _plain(norm.bias)


def _plain(tensor: Tensor) -> Tensor:
    """A float32 copy: quantization works in place."""
    return tensor.detach().to(device="cpu", dtype=torch.float32, copy=True)
