"""Pictures: attention as heatmaps, a run as learning curves, systems side by side by sentence length."""
