"""Fixtures of every family but DeepSeek-V3, by a plain PyTorch reference that is checked against transformers."""
