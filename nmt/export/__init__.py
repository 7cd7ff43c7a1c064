"""Trained models for other engines. What is exported stands in a directory of its own (nmt.export.directory)."""

from typing import Literal

Quantization = Literal[
    "float32", "bfloat16", "float16", "int16", "int8", "int8_float32", "int8_bfloat16", "int8_float16"
]

__all__ = ["Quantization"]
