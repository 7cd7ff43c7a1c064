"""Attention = score × normalizer × scope, in one head or many.

    scores        how well a query and a key fit                       score_BRS
    normalizers   how scores become weights                            weights_BRS
    scopes        which source positions take part, and the context    Attended
    coverage      a scope around any other: what has been attended to
    heads         the attention itself, and several of them at once
    hops          several readings of it, one after the other

Shapes: B sentences, R query rows of a sentence (K hypotheses × T time steps, one of them 1), S memory positions,
H heads, D memory width, Q query width, A width inside a score, P width of a head, F extra features of a position.
All rows of a sentence share its one memory; masks say True where a position may be attended.
"""
