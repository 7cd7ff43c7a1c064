"""One target fuzzed by coverage in this process: python -m experiments.fuzz_one TARGET FOLDER KEPT LIBFUZZER-OPTION ...

The process ends with what libFuzzer says of it; files are written into FOLDER, and KEPT gets the inputs that reach
something new.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["nmt", "yaml"]):
    from experiments.fuzz_targets import targets


def main(name: str, folder: Path, kept: Path, options: list[str]) -> None:
    """Fuzz the target until libFuzzer ends the process."""
    target = targets(folder)[name]
    for number, seed in enumerate(target.seeds):
        (kept / f"seed-{number}").write_bytes(seed)
    atheris.Setup(["fuzz", *options, str(kept)], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
