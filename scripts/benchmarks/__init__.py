"""How fast nmt is, and how fast its peers are: scripts/bench and scripts/bench_peers (docs/benchmarks.md).

bench      the command line of scripts/bench          peers          that of scripts/bench_peers
measure    one measurement in a process of its own    rows           what is measured against whom
flops      operations of a model, from its settings   environments   the peers' installations
machine    what the machine is and can do             exchange       text and weights as the peers read them
report     figures kept, printed, compared            adapters/      programs that run inside the peers
"""
