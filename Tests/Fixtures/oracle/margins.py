"""Is a checkpoint a fair test? No near-ties, neither between tokens nor between experts.

Another correct implementation rounds differently in the last bits. Where two logits or two experts are nearer than
that, either choice is right and ids cannot be compared; such seeds are passed over.
"""
import torch
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3TopkRouter

TOKEN_MARGIN = 1e-3  # of the range of the logits
EXPERT_MARGIN = 3e-5  # of the biased sigmoid scores


def token_margin(logits: torch.Tensor, spread: float) -> float:
    """The least gap between the two best logits of any row, as a share of the range."""
    best = logits.topk(2, dim=-1).values
    return float((best[:, 0] - best[:, 1]).min()) / spread


class ExpertMargins:
    """Watches all routers of some modules: least margin of a choice, and which experts were chosen."""

    def __init__(self, *modules: torch.nn.Module) -> None:
        self.least = float("inf")
        self.used: dict[str, set[int]] = {}
        self.bias_changed = 0
        self.negative_kept = 0
        self.rows = 0
        self.handles = []
        for module in modules:
            for name, router in module.named_modules():
                if isinstance(router, DeepseekV3TopkRouter):
                    key = f"{type(module).__name__}.{name}"
                    self.handles.append(router.register_forward_hook(
                        lambda router, _, output, key=key: self._watch(key, router, output)))

    def _watch(self, key: str, router: DeepseekV3TopkRouter, output: tuple) -> None:
        logits, _, chosen = output
        scores = logits.sigmoid()
        biased = scores + router.e_score_correction_bias
        groups = biased.view(len(biased), router.num_group, -1)
        group_scores = groups.topk(2, dim=-1).values.sum(-1)
        if router.topk_group < router.num_group:
            order = group_scores.sort(-1, descending=True).values
            self._least(order[:, router.topk_group - 1] - order[:, router.topk_group])
        keep = torch.zeros_like(group_scores).scatter(1, group_scores.topk(router.topk_group).indices, 1).bool()
        masked = groups.masked_fill(~keep[..., None], float("-inf")).flatten(1)
        order = masked.sort(-1, descending=True).values
        if router.top_k < order.shape[1]:
            self._least(order[:, router.top_k - 1] - order[:, router.top_k])
        self.used.setdefault(key, set()).update(chosen.flatten().tolist())
        plain = scores.topk(router.top_k).indices.sort(-1).values
        self.bias_changed += int((plain != chosen.sort(-1).values).any(-1).sum())
        self.negative_kept += int((order[:, router.top_k - 1] < 0).sum())
        self.rows += len(biased)

    def _least(self, gaps: torch.Tensor) -> None:
        self.least = min(self.least, float(gaps.min()))

    def close(self) -> None:
        for handle in self.handles:
            handle.remove()
