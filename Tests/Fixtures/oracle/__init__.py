"""Small random DeepSeek-V3 checkpoints and what transformers computes on them."""
