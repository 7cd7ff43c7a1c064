"""Measures of translations (bleu, significance) and of alignments (alignment, matrices), without torch."""
