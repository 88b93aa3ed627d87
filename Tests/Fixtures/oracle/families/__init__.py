"""Fixtures of every family but DeepSeek-V3: a plain PyTorch reference, checked against transformers where it has the family."""
