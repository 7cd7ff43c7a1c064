"""Slow versions of the equations, loop by loop in NumPy float64. Nothing of nmt is imported here."""
