"""Abacus in plain PyTorch: a DeepSeek-V3 style decoder with a recursive multi-token-prediction head.

Parameter names follow the published DeepSeek-V3 checkpoints, except that the experts of a layer are stacked in one
tensor while training (`export.py` takes them apart). The forward pass is that of transformers' `deepseek_v3`, its
multi-token-prediction head that of transformers' `MtpModel`.
"""

import json
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn

from moe import MoE, MLP


@dataclass
class Config:
    """The shape of the model, spelled as in config.json."""

    vocab_size: int = 1408
    hidden_size: int = 192
    intermediate_size: int = 1024
    moe_intermediate_size: int = 64
    num_hidden_layers: int = 14
    num_attention_heads: int = 6
    n_routed_experts: int = 16
    n_shared_experts: int = 4
    num_experts_per_tok: int = 3
    first_k_dense_replace: int = 1
    routed_scaling_factor: float = 2.0
    kv_lora_rank: int = 64
    qk_nope_head_dim: int = 32
    qk_rope_head_dim: int = 32
    v_head_dim: int = 32
    rope_theta: float = 1000.0
    rms_norm_eps: float = 1e-6
    num_nextn_predict_layers: int = 1

    @classmethod
    def read(cls, path):
        """The fields this class knows from a config.json."""
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
        return cls(**{name: values[name] for name in asdict(cls())})


class RMSNorm(nn.Module):
    """Root-mean-square normalisation, computed in float32."""

    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return (self.weight * wide).to(x.dtype)


def rope_table(positions, config):
    """Cosines and sines [..., 1, rope / 2] for integer positions, to be broadcast over heads."""
    half = torch.arange(0, config.qk_rope_head_dim, 2, dtype=torch.float32, device=positions.device)
    angles = positions.float()[..., None] * config.rope_theta ** (-half / config.qk_rope_head_dim)
    return angles.cos()[..., None, :], angles.sin()[..., None, :]


def rotate(x, table):
    """Interleaved pairs (x0, x1), (x2, x3)... turned by their angles; the result has the halves side by side."""
    cos, sin = (part.to(x.dtype) for part in table)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.cat([even * cos - odd * sin, odd * cos + even * sin], dim=-1)


class Attention(nn.Module):
    """Multi-head latent attention without a query latent."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.heads = config.num_attention_heads
        self.q_dim = config.qk_nope_head_dim + config.qk_rope_head_dim
        self.q_proj = nn.Linear(config.hidden_size, self.heads * self.q_dim, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(config.hidden_size, config.kv_lora_rank + config.qk_rope_head_dim, bias=False)
        self.kv_a_layernorm = RMSNorm(config.kv_lora_rank, 1e-6)
        self.kv_b_proj = nn.Linear(
            config.kv_lora_rank, self.heads * (config.qk_nope_head_dim + config.v_head_dim), bias=False
        )
        self.o_proj = nn.Linear(self.heads * config.v_head_dim, config.hidden_size, bias=False)

    def project(self, x, table):
        """Queries, keys and values [batch, heads, time, width] of the rows of x."""
        config, (batch, time, _) = self.config, x.shape
        q = self.q_proj(x).view(batch, time, self.heads, self.q_dim)
        q_nope, q_rope = q.split([config.qk_nope_head_dim, config.qk_rope_head_dim], -1)
        latent, k_rope = self.kv_a_proj_with_mqa(x).split([config.kv_lora_rank, config.qk_rope_head_dim], -1)
        kv = self.kv_b_proj(self.kv_a_layernorm(latent)).view(batch, time, self.heads, -1)
        k_nope, v = kv.split([config.qk_nope_head_dim, config.v_head_dim], -1)
        k_rope = rotate(k_rope[:, :, None], table).expand(-1, -1, self.heads, -1)
        q = torch.cat([q_nope, rotate(q_rope, table)], -1)
        k = torch.cat([k_nope, k_rope], -1)
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)

    def merge(self, values):
        """The output projection of values [batch, heads, time, width]."""
        return self.o_proj(values.transpose(1, 2).flatten(2))

    def forward(self, x, table, cache=None):
        q, k, v = self.project(x, table)
        if cache is not None:
            k, v, mask = cache.extend(self, k, v)
            return self.merge(F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
        # Written out, since the backward pass of the fused kernel is slow on a CPU for short sequences.
        scores = (q * self.q_dim**-0.5) @ k.transpose(-1, -2)
        future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
        weights = scores.masked_fill(future, float("-inf")).softmax(-1)
        return self.merge(weights.to(v.dtype) @ v)


class Block(nn.Module):
    """One pre-norm decoder layer, dense or mixture of experts."""

    def __init__(self, config, dense):
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = MLP(config.hidden_size, config.intermediate_size) if dense else MoE(config)

    def finish(self, x, mixed):
        """The second half of the layer, given the output of attention."""
        x = x + mixed
        return x + self.mlp(self.post_attention_layernorm(x))

    def forward(self, x, table, cache=None):
        return self.finish(x, self.self_attn(self.input_layernorm(x), table, cache))


class MtpLayer(nn.Module):
    """The multi-token-prediction layer: mixes the next token's embedding with a hidden state and runs one block."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.enorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.hnorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.eh_proj = nn.Linear(2 * config.hidden_size, config.hidden_size, bias=False)
        self.block = Block(config, dense=False)
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def unroll(self, embeddings, hidden, depth):
        """Hidden states of `depth` chained steps; the one of step k at index p predicts token p + 1 + k.

        Step k at index p sits in row p + k - 1 of the layer's own sequence. As when drafting, it sees the rows up to
        p as made from the main model's hidden states, and the rows after p as made by the earlier steps.
        """
        time, attention = hidden.shape[1], self.block.self_attn
        causal = torch.ones(time, time, dtype=torch.bool, device=hidden.device).tril()
        chained, outputs = [], []
        for step in range(depth):
            shifted = F.pad(embeddings[:, step + 1 :], (0, 0, 0, min(step + 1, time)))
            x = self.eh_proj(torch.cat([self.enorm(shifted), self.hnorm(hidden)], -1))
            table = rope_table(torch.arange(step, step + time, device=x.device), self.config)
            q, k, v = attention.project(self.block.input_layernorm(x), table)
            if step == 0:
                first_k, first_v = k, v
            else:
                chained.append((k, v))
            q = q * attention.q_dim**-0.5
            scores = (q @ first_k.transpose(-1, -2)).float().masked_fill(~causal, float("-inf"))
            extra = [(q * past).sum(-1, keepdim=True).float() for past, _ in chained]
            weights = torch.cat([scores, *extra], -1).softmax(-1).to(v.dtype)
            mixed = weights[..., :time] @ first_v
            for index, (_, past) in enumerate(chained):
                mixed = mixed + weights[..., time + index, None] * past
            hidden = self.norm(self.block.finish(x, attention.merge(mixed)))
            outputs.append(hidden)
        return outputs


class Abacus(nn.Module):
    """The main model with its prediction head."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(
            Block(config, dense=index < config.first_k_dense_replace) for index in range(config.num_hidden_layers)
        )
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mtp = MtpLayer(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    def initialise(self):
        """Random weights: plain fan-in scale, and zero for what writes to the residual stream."""
        for name, parameter in self.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight", "down_proj")):
                nn.init.zeros_(parameter)
            elif name == "embed_tokens.weight":
                nn.init.normal_(parameter, std=0.4)
            elif parameter.ndim >= 2:
                nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5 * (0.2 if "lm_head" in name else 0.7))
        return self

    def forward(self, tokens, cache=None):
        """The normed hidden states [batch, time, hidden] of tokens; `lm_head` turns them into logits."""
        x = self.embed_tokens(tokens)
        if cache is None:
            positions = torch.arange(tokens.shape[1], device=tokens.device)
        else:
            positions = cache.begin(tokens.shape[1])
        table = rope_table(positions, self.config)
        if torch.is_autocast_enabled(tokens.device.type):
            x = x.to(torch.get_autocast_dtype(tokens.device.type))
        for layer in self.layers:
            x = layer(x, table, cache)
        return self.norm(x)
