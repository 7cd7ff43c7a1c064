"""Figures of a measurement: printed, kept as JSON, and compared with another's."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOWER_IS_BETTER = ("bytes", "seconds", "milliseconds", "padding")


def flat(report: Mapping[str, Any]) -> dict[str, float]:
    """The figures that are plain numbers, by name."""
    figures = report["figures"]
    return {name: float(value) for name, value in figures.items() if isinstance(value, int | float)}


def shown(name: str, value: float) -> str:
    """A figure with its unit."""
    if name.endswith("bytes"):
        return f"{value / 2**20:,.0f} MiB"
    if name.endswith("padding") or name.startswith("share"):
        return f"{100 * value:.1f} %"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"


def table(report: Mapping[str, Any]) -> str:
    """One figure a line."""
    figures = flat(report)
    width = max(map(len, figures), default=0)
    return "\n".join(f"{name.replace('_', ' '):<{width}}  {shown(name, value):>12}" for name, value in figures.items())


def ratios(report: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, float]:
    """This / other of each figure that both have and neither has as 0."""
    own, theirs = flat(report), flat(other)
    return {name: own[name] / theirs[name] for name in own if own[name] and theirs.get(name)}


def comparison(report: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """One figure a line: this one, the other one, this / other; what was different is said first."""
    own, theirs, found = flat(report), flat(other), ratios(report, other)
    width = max(map(len, found), default=0)
    lines = [
        f"{name.replace('_', ' '):<{width}}  {shown(name, own[name]):>12}  {shown(name, theirs[name]):>12}  "
        f"{ratio:6.2f}×{better(name, ratio)}"
        for name, ratio in found.items()
    ]
    return "\n".join(["this / other", *differences(report, other), *lines])


def better(name: str, ratio: float) -> str:
    """A word for a change of more than a tenth."""
    if abs(ratio - 1) <= 0.1 or name in ("parameters", "updates", "repeats", "sentences"):
        return ""
    lower = any(part in name for part in LOWER_IS_BETTER) and "per_second" not in name
    return " better" if (ratio < 1) == lower else " worse"


def differences(report: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """What the two measurements do not have in common besides their figures."""
    names = sorted((report.keys() | other.keys()) - {"figures", "time"})
    return [
        f"  {name}: {report.get(name)} / {other.get(name)}" for name in names if report.get(name) != other.get(name)
    ]


def write(report: Mapping[str, Any], path: Path) -> None:
    """Keep a report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
