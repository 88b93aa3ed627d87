"""Batched generation with a key-value cache, for evaluation."""

import torch


class Cache:
    """Keys and values of all layers; every row of the batch has its own length."""

    def __init__(self, rows, capacity, device):
        self.lengths = torch.zeros(rows, dtype=torch.long, device=device)
        self.capacity, self.store = capacity, {}

    def begin(self, time):
        """Positions [batch, time] of the tokens that come next."""
        self.positions = self.lengths[:, None] + torch.arange(time, device=self.lengths.device)
        return self.positions

    def extend(self, layer, k, v):
        """Writes new keys and values and returns all of them, with the mask of what each new token may see."""
        if layer not in self.store:
            shape = (k.shape[0], k.shape[1], self.capacity)
            self.store[layer] = (k.new_zeros(*shape, k.shape[-1]), v.new_zeros(*shape, v.shape[-1]))
        for stored, new in zip(self.store[layer], (k, v)):
            index = self.positions[:, None, :, None].expand_as(new)
            stored.scatter_(2, index, new)
        end = int(self.positions.max()) + 1
        mask = torch.arange(end, device=k.device) <= self.positions[:, None, :, None]
        return *(stored[:, :, :end] for stored in self.store[layer]), mask

    def keep(self, rows):
        """Drops the finished rows."""
        self.lengths = self.lengths[rows]
        self.store = {layer: (k[rows], v[rows]) for layer, (k, v) in self.store.items()}


@torch.inference_mode()
def generate(model, prompts, limit, temperature=0.0, end=2, seed=0):
    """The tokens that follow each prompt, up to and with the end token."""
    device = model.lm_head.weight.device
    random = torch.Generator(device).manual_seed(seed)
    longest = max(map(len, prompts))
    tokens = torch.tensor([prompt + [end] * (longest - len(prompt)) for prompt in prompts], device=device)
    cache = Cache(len(prompts), longest + limit, device)
    hidden = model(tokens, cache)
    cache.lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    hidden = hidden[torch.arange(len(prompts), device=device), cache.lengths - 1]
    outputs, active = [[] for _ in prompts], list(range(len(prompts)))
    for _ in range(limit):
        logits = model.lm_head(hidden).float()
        if temperature:
            chosen = torch.multinomial((logits / temperature).softmax(-1), 1, generator=random)[:, 0]
        else:
            chosen = logits.argmax(-1)
        rows = []
        for row, (index, token) in enumerate(zip(active, chosen.tolist())):
            outputs[index].append(token)
            if token != end:
                rows.append(row)
        if not rows:
            break
        if len(rows) < len(active):
            active = [active[row] for row in rows]
            rows = torch.tensor(rows, device=device)
            cache.keep(rows)
            chosen = chosen[rows]
        hidden = model(chosen[:, None], cache)[:, 0]
        cache.lengths = cache.lengths + 1
    return outputs
