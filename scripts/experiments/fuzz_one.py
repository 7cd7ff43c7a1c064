"""One target fuzzed by coverage in this process: python -m experiments.fuzz_one TARGET FOLDER LIBFUZZER-OPTION ...

The process ends with what libFuzzer says of it; FOLDER gets the inputs that reach something new.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["nmt", "yaml"]):
    from experiments.fuzz_targets import targets

MEMORY = Path("/dev/shm")


def main(name: str, kept: Path, options: list[str]) -> None:
    """Fuzz the target until libFuzzer ends the process."""
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None, prefix="fuzz-"))
    target = targets(folder)[name]
    for number, seed in enumerate(target.seeds):
        (kept / f"seed-{number}").write_bytes(seed)
    atheris.Setup(["fuzz", *options, str(kept)], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
