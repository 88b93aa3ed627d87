"""The feed-forward parts: a gated MLP, and a mixture of experts routed without an auxiliary loss."""

import torch
import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    """Gated feed-forward layer."""

    def __init__(self, hidden, width):
        super().__init__()
        self.gate_proj = nn.Linear(hidden, width, bias=False)
        self.up_proj = nn.Linear(hidden, width, bias=False)
        self.down_proj = nn.Linear(width, hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Dispatch(torch.autograd.Function):
    """Rows of x copied to their experts' slots; gathers both ways, since scattering is slow on a CPU."""

    @staticmethod
    def forward(ctx, x, source, slots):
        ctx.save_for_backward(slots)
        return x.index_select(0, source)

    @staticmethod
    def backward(ctx, grad):
        (slots,) = ctx.saved_tensors
        total = grad.index_select(0, slots[:, 0])
        for column in range(1, slots.shape[1]):
            total = total + grad.index_select(0, slots[:, column])
        return total, None, None


class Combine(torch.autograd.Function):
    """Each token's chosen slots, summed with its weights."""

    @staticmethod
    def forward(ctx, rows, weights, source, choice, slots):
        picked = rows.index_select(0, slots.flatten()).view(*slots.shape, -1)
        ctx.save_for_backward(picked, weights, source, choice)
        return (picked * weights[..., None]).sum(1)

    @staticmethod
    def backward(ctx, grad):
        picked, weights, source, choice = ctx.saved_tensors
        grad_weights = (picked * grad[:, None]).sum(-1)
        slot_weights = weights.flatten().index_select(0, choice)
        grad_rows = grad.index_select(0, source) * slot_weights[:, None]
        return grad_rows, grad_weights, None, None, None


class Experts(nn.Module):
    """All routed experts of a layer, stacked; tokens are grouped by expert, so only the chosen ones are computed."""

    def __init__(self, count, hidden, width):
        super().__init__()
        self.gate_proj = nn.Parameter(torch.empty(count, width, hidden))
        self.up_proj = nn.Parameter(torch.empty(count, width, hidden))
        self.down_proj = nn.Parameter(torch.empty(count, hidden, width))

    def forward(self, x, chosen, weights):
        """x [tokens, hidden], chosen and weights [tokens, k]."""
        count, (tokens, k) = self.gate_proj.shape[0], chosen.shape
        flat = chosen.flatten()
        order = flat.argsort(stable=True)
        sizes = torch.bincount(flat, minlength=count)
        # Every expert gets as many slots as the busiest one needs; empty slots read row 0 and are never gathered back.
        grain = 128 if self.training else 16  # few different shapes while training
        capacity = -(-int(sizes.max()) // grain) * grain
        starts = sizes.cumsum(0) - sizes
        expert = flat[order]
        slot_of_sorted = expert * capacity + torch.arange(tokens * k, device=x.device) - starts[expert]
        slots = torch.empty_like(order).index_copy_(0, order, slot_of_sorted).view(tokens, k)
        source = torch.zeros(count * capacity, dtype=torch.long, device=x.device)
        source[slot_of_sorted] = order // k
        choice = torch.zeros_like(source)
        choice[slot_of_sorted] = order
        rows = Dispatch.apply(x, source, slots).view(count, capacity, -1)
        inner = F.silu(rows @ self.gate_proj.mT.to(x.dtype)) * (rows @ self.up_proj.mT.to(x.dtype))
        rows = (inner @ self.down_proj.mT.to(x.dtype)).flatten(0, 1)
        return Combine.apply(rows, weights.to(x.dtype), source, choice, slots)


class MoE(nn.Module):
    """A shared expert plus the top-k of the routed ones, by sigmoid scores with a correction bias for the choice."""

    def __init__(self, config):
        super().__init__()
        self.k = config.num_experts_per_tok
        self.scale = config.routed_scaling_factor
        self.gate = nn.Linear(config.hidden_size, config.n_routed_experts, bias=False)
        self.experts = Experts(config.n_routed_experts, config.hidden_size, config.moe_intermediate_size)
        self.shared_experts = MLP(config.hidden_size, config.moe_intermediate_size * config.n_shared_experts)
        self.register_buffer("e_score_correction_bias", torch.zeros(config.n_routed_experts))
        self.register_buffer("load", torch.zeros(config.n_routed_experts), persistent=False)

    def forward(self, x):
        flat = x.flatten(0, -2)
        with torch.autocast(x.device.type, enabled=False):
            scores = F.linear(flat.float(), self.gate.weight.float()).sigmoid()
        chosen = (scores.detach() + self.e_score_correction_bias).topk(self.k, dim=-1, sorted=False).indices
        weights = scores.gather(1, chosen)
        weights = weights / (weights.sum(-1, keepdim=True) + 1e-20) * self.scale
        if self.training:
            self.load += torch.bincount(chosen.flatten(), minlength=self.load.numel())
        return self.experts(flat, chosen, weights).view_as(x) + self.shared_experts(x)

    @torch.no_grad()
    def balance(self, rate):
        """Moves the correction bias a step towards equal load and forgets the load seen."""
        self.e_score_correction_bias += rate * torch.sign(self.load.mean() - self.load)
        self.e_score_correction_bias -= self.e_score_correction_bias.mean()
        self.load.zero_()
