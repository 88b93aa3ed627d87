"""The questions Abacus is trained on: generated, seeded, and ours; no outside text."""
