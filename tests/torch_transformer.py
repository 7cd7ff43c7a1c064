"""torch's own Transformer layers with the weights of ours."""

import torch
from torch import nn


def copy_attention(ours, theirs: nn.MultiheadAttention) -> None:
    """Projections of queries, keys and values lie one above the other in torch."""
    parts = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    theirs.out_proj.load_state_dict(ours.output.state_dict())


def copy_layer(ours, theirs: nn.Module) -> nn.Module:
    """An encoder or a decoder layer; torch numbers the norms in the order of the sub-layers."""
    theirs.double()
    with torch.no_grad():
        if hasattr(ours, "cross_attention"):
            copy_attention(ours.self_attention, theirs.self_attn)
            copy_attention(ours.cross_attention, theirs.multihead_attn)
            norms = (ours.looking_back.norm, ours.attending.norm, ours.feeding.norm)
        else:
            copy_attention(ours.attention, theirs.self_attn)
            norms = (ours.attending.norm, ours.feeding.norm)
        theirs.linear1.load_state_dict(ours.feed_forward.inner.state_dict())
        theirs.linear2.load_state_dict(ours.feed_forward.outer.state_dict())
        for number, norm in enumerate(norms, start=1):
            getattr(theirs, f"norm{number}").load_state_dict(norm.state_dict())
    return theirs.eval()
