"""Sequence-to-sequence translation models: train, translate, evaluate, and see what they attend to."""
