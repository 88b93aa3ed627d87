"""Every family in plain PyTorch, f32, without a cache: short enough to be read against the papers.

`native.py` checks it against transformers for the families that transformers has.
"""
import math

import torch
import torch.nn.functional as F

from .traits import Traits
from .weights import latent_ranks, latent_widths, mtp_names


def norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    return weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps))


def frequencies(rope: dict, width: int, maximum: int) -> tuple[torch.Tensor, float]:
    """Angle per position of each pair, and the factor on cosines and sines."""
    base = rope["rope_theta"] ** (torch.arange(0, width, 2, dtype=torch.float32) / width)
    plain, kind, original = 1 / base, rope["rope_type"], rope["original_max_position_embeddings"]
    if kind == "linear":
        return plain / rope["factor"], 1.0
    if kind == "llama3":
        waves, low, high = 2 * math.pi / plain, rope["low_freq_factor"], rope["high_freq_factor"]
        smooth = ((original / waves - low) / (high - low)).clamp(0, 1)
        return (1 - smooth) * plain / rope["factor"] + smooth * plain, 1.0
    if kind == "yarn":
        factor = rope.get("factor") or maximum / original
        dims = [width * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(rope["rope_theta"]))
                for turns in (rope.get("beta_fast", 32), rope.get("beta_slow", 1))]
        low, high = max(math.floor(dims[0]), 0), min(math.ceil(dims[1]), width - 1)
        ramp = ((torch.arange(width // 2) - low) / max(high - low, 0.001)).clamp(0, 1)
        one, all_dims = rope.get("mscale"), rope.get("mscale_all_dim")
        amplitude = (temperature(factor, one) / temperature(factor, all_dims) if one and all_dims
                     else temperature(factor, 1))
        return plain / factor * ramp + plain * (1 - ramp), amplitude
    assert kind == "default", kind
    return plain, 1.0


def temperature(factor: float, scale: float) -> float:
    return 0.1 * scale * math.log(factor) + 1 if factor > 1 else 1.0


class Reference:
    """One checkpoint. `gaps` collects the least margins of the experts' choices, `used` the experts chosen."""

    def __init__(self, traits: Traits, weights: dict[str, torch.Tensor]) -> None:
        self.t, self.w = traits, weights
        self.gaps: list[float] = []
        self.used: dict[str, set[int]] = {}

    def hidden(self, ids: list[int]) -> torch.Tensor:
        """Rows after the final norm, [tokens, hidden]."""
        x = self.w["model.embed_tokens.weight"][ids]
        for layer in range(self.t.layers):
            window = self.t.windows[layer] if self.t.windows else None
            x = self.block(x, f"model.layers.{layer}.", self.t.sparse[layer], window)
        return norm(x, self.w["model.norm.weight"], self.t.eps)

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        return rows @ self.w.get("lm_head.weight", self.w["model.embed_tokens.weight"]).T

    def mtp(self, head: int, ids: list[int], states: torch.Tensor) -> torch.Tensor:
        """Normed rows of an MTP head: row p from ids[p], the token at p + head + 1, and row p of the head before it."""
        prefix, embedding, hidden, projection, output = mtp_names(self.t, head)
        e = norm(self.w["model.embed_tokens.weight"][ids], self.w[prefix + embedding + ".weight"], self.t.eps)
        s = norm(states, self.w[prefix + hidden + ".weight"], self.t.eps)
        joined = torch.cat([s, e] if self.t.mtp == "mimo" else [e, s], -1)
        x = joined @ self.w[prefix + projection + ".weight"].T
        x = self.block(x, prefix, self.t.router is not None, None)
        return norm(x, self.w[prefix + output + ".weight"], self.t.eps)

    def mtp_logits(self, ids: list[int]) -> torch.Tensor:
        """Row p of head k predicts token p + 2 + k; its last k rows are zero. [heads, tokens - 1, vocab]."""
        rows = self.hidden(ids)
        out = torch.zeros(self.t.mtp_heads, len(ids) - 1, self.t.config["vocab_size"])
        for head in range(self.t.mtp_heads):
            count = len(ids) - 1 - head
            rows = self.mtp(head, ids[head + 1:], rows[:count])
            out[head, :count] = self.head(rows)
        return out

    def block(self, x: torch.Tensor, prefix: str, sparse: bool, window: int | None) -> torch.Tensor:
        def normed(rows: torch.Tensor, name: str) -> torch.Tensor:
            return norm(rows, self.w[prefix + name + ".weight"], self.t.eps)

        attend = self.latent if self.t.latent else self.grouped
        a = attend(normed(x, "input_layernorm"), prefix + "self_attn.", window)
        feed = (lambda rows: self.moe(rows, prefix + self.t.moe_prefix)) if sparse else (
            lambda rows: self.mlp(rows, prefix + "mlp."))
        if self.t.sandwich:
            x = x + normed(a, "post_attention_layernorm")
            return x + normed(feed(normed(x, "pre_mlp_layernorm")), "post_mlp_layernorm")
        x = x + a
        return x + feed(normed(x, "post_attention_layernorm"))

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, self.w[name + ".weight"], self.w.get(name + ".bias"))

    def rotate(self, x: torch.Tensor, width: int, interleaved: bool) -> torch.Tensor:
        """Rotates the first `width` columns of [tokens, heads, columns]."""
        angles, amplitude = frequencies(self.t.rope, width, self.t.config["max_position_embeddings"])
        turn = (torch.arange(len(x)).float()[:, None] * angles)[:, None]
        cos, sin = turn.cos() * amplitude, turn.sin() * amplitude
        part, rest = x[..., :width], x[..., width:]
        if interleaved:
            a, b = part[..., 0::2], part[..., 1::2]
            return torch.cat([torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2), rest], -1)
        a, b = part.chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], -1)

    @staticmethod
    def attention(q, k, v, scale: float, window: int | None) -> torch.Tensor:
        """[tokens, heads, width] each; causal, at most `window` positions back."""
        scores = torch.einsum("qhd,khd->hqk", q, k) * scale
        back = torch.arange(len(q))[:, None] - torch.arange(len(q))[None]
        seen = (back >= 0) & (back < (window or len(q)))
        return torch.einsum("hqk,khd->qhd", scores.masked_fill(~seen, -math.inf).softmax(-1), v).flatten(1)

    def grouped(self, x: torch.Tensor, prefix: str, window: int | None) -> torch.Tensor:
        t = self.t
        q, k, v = (self.linear(x, prefix + name).unflatten(-1, (-1, t.head)) for name in ("q_proj", "k_proj", "v_proj"))
        if t.head_norms:
            q = norm(q, self.w[prefix + "q_norm.weight"], t.eps)
            k = norm(k, self.w[prefix + "k_norm.weight"], t.eps)
        q, k = (self.rotate(rows, int(t.head * t.partial_rotary), False) for rows in (q, k))
        k, v = (rows.repeat_interleave(t.heads // t.kv_heads, 1) for rows in (k, v))
        return self.linear(self.attention(q, k, v, t.head**-0.5, window), prefix + "o_proj")

    def latent(self, x: torch.Tensor, prefix: str, window: int | None) -> torch.Tensor:
        t, (rank, query_rank), (nope, rope, value) = self.t, latent_ranks(self.t), latent_widths(self.t)
        if query_rank is None:
            q = self.linear(x, prefix + "q_proj")
        else:
            inner = norm(self.linear(x, prefix + "q_a_proj"), self.w[prefix + "q_a_layernorm.weight"], 1e-6)
            q = self.linear(inner, prefix + "q_b_proj")
        q = q.unflatten(-1, (t.heads, nope + rope))
        compressed = self.linear(x, prefix + "kv_a_proj_with_mqa")
        latent = norm(compressed[:, :rank], self.w[prefix + "kv_a_layernorm.weight"], 1e-6)
        kv = self.linear(latent, prefix + "kv_b_proj").unflatten(-1, (t.heads, nope + value))
        shared_key = self.rotate(compressed[:, None, rank:], rope, True).expand(-1, t.heads, -1)
        q = torch.cat([q[..., :nope], self.rotate(q[..., nope:], rope, True)], -1)
        k = torch.cat([kv[..., :nope], shared_key], -1)
        scale, table = (nope + rope) ** -0.5, t.rope
        if table["rope_type"] != "default" and table.get("mscale_all_dim"):
            scale *= temperature(table["factor"], table["mscale_all_dim"]) ** 2
        return self.linear(self.attention(q, k, kv[..., nope:], scale, window), prefix + "o_proj")

    def mlp(self, x: torch.Tensor, prefix: str, names=("gate_proj", "up_proj", "down_proj")) -> torch.Tensor:
        gate, up, down = (prefix + name for name in names)
        return self.linear(F.silu(self.linear(x, gate)) * self.linear(x, up), down)

    def moe(self, x: torch.Tensor, prefix: str) -> torch.Tensor:
        chosen, weights = self.route(x, prefix)
        out = torch.zeros_like(x)
        for row in range(len(x)):
            for expert, weight in zip(chosen[row].tolist(), weights[row]):
                out[row] += weight * self.mlp(x[row], f"{prefix}experts.{expert}.", self.t.expert_names)
        if self.t.shared_name and self.t.shared_width:
            shared = self.mlp(x, f"{prefix}{self.t.shared_name}.")
            if self.t.shared_gated:
                shared = shared * torch.sigmoid(self.linear(x, prefix + "shared_expert_gate"))
            out = out + shared
        return out

    def route(self, x: torch.Tensor, prefix: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Experts of each row and their weights, [tokens, top_k] each."""
        r = self.t.router
        logits = self.linear(x, prefix + "gate")
        scores = logits.softmax(-1) if r.scoring == "softmax" else logits.sigmoid()
        choice = scores + self.w[prefix + "gate.e_score_correction_bias"] if r.correction_bias else scores
        groups = choice.unflatten(-1, (r.group_count, -1))
        if r.groups == "one-each":
            self._gap(groups.flatten(0, 1), 1)
            chosen = groups.argmax(-1) + torch.arange(r.group_count) * groups.shape[-1]
        else:
            if r.groups in ("best", "pairs") and r.kept < r.group_count:
                strength = groups.topk(2 if r.groups == "pairs" else 1).values.sum(-1)
                self._gap(strength, r.kept)
                keep = torch.zeros_like(strength).scatter(1, strength.topk(r.kept).indices, 1).bool()
                choice = groups.masked_fill(~keep[..., None], -math.inf).flatten(1)
            self._gap(choice, r.top_k)
            chosen = choice.topk(r.top_k).indices
        weights = scores.gather(1, chosen)
        if r.normalize:
            weights = weights / (weights.sum(-1, keepdim=True) + 1e-20)
        if r.expert_scales:
            weights = weights * self.w[prefix + "router_scale"][0][chosen]
        self.used.setdefault(prefix, set()).update(chosen.flatten().tolist())
        return chosen, weights * r.scale

    def _gap(self, scores: torch.Tensor, kept: int) -> None:
        if kept < scores.shape[-1]:
            order = scores.sort(-1, descending=True).values
            self.gaps.append(float((order[:, kept - 1] - order[:, kept]).min()))
