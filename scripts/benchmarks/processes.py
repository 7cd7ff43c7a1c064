"""Measurements in fresh processes: nothing of an earlier one is left in memory, and a peak is its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nmt.cli.allocator import SETTINGS

SCRIPTS = Path(__file__).parents[1]


def in_process(kind: str, spec: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The figures of `benchmarks.measure KIND`, run by itself with the settings of nmt's own commands. Leaves with its
    exit code where it fails."""
    variables = {**SETTINGS, **os.environ, "PYTHONPATH": str(SCRIPTS), **(environment or {})}
    command = [sys.executable, "-m", "benchmarks.measure", kind, json.dumps(spec)]
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures
