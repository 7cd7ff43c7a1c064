"""Hugging Face's Marian, trained for quality: the loop of huggingface.py with a warm-up, a cosine and validations.

Prints a line of JSON for each validation: updates, CPU-minutes of all of them so far, and greedy
translations in pieces; after the last update also those of the test set.
"""

import json
import math
import random
import time

import torch
from huggingface import buckets, build, encoded, optimizer_of, padded, texts, translate, update
from probe import SPEC, read


def rate(step):
    """The learning rate of an update, from 1: linear up to `learning_rate`, then a half cosine to 0."""
    if step < SPEC["warmup"]:
        return SPEC["learning_rate"] * step / SPEC["warmup"]
    done = (step - SPEC["warmup"]) / (SPEC["updates"] - SPEC["warmup"])
    return SPEC["learning_rate"] * 0.5 * (1 + math.cos(math.pi * done))


def report(step, cpu, **found):
    """One line for the program that reads along."""
    print(json.dumps({"step": step, "cpu_minutes": cpu / 60, **found}), flush=True)


def train(numbers):
    """The clock runs during updates alone, as nmt's does."""
    random.seed(SPEC["seed"])
    torch.manual_seed(SPEC["seed"])
    sources, targets = encoded("train.source", numbers), encoded("train.target", numbers)
    valid, test = encoded("valid.source", numbers), encoded("test.source", numbers)
    model = build().train()
    optimizer, batches = optimizer_of(model), buckets(sources, targets)
    cpu = 0.0
    for step in range(1, SPEC["updates"] + 1):
        used = time.process_time()
        optimizer.param_groups[0]["lr"] = rate(step)
        batch = next(batches)
        source, target = padded([sources[pair] for pair in batch]), padded([targets[pair] for pair in batch])
        update(model, optimizer, source, target)
        cpu += time.process_time() - used
        if step % SPEC["validate_every"] == 0 or step == SPEC["updates"]:
            model.eval()
            found = {"valid": texts(translate(model, valid), numbers)}
            if step == SPEC["updates"]:
                found["test"] = texts(translate(model, test), numbers)
            report(step, cpu, **found)
            model.train()


if __name__ == "__main__":
    torch.set_num_threads(SPEC["threads"])
    train({piece: number for number, (piece,) in enumerate(read("vocabulary"))})
