"""What transformers computes: logits, greedy ids, MTP logits, draft chains, and MTP-assisted generation."""
import contextlib
import pathlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from transformers import DeepseekV3ForCausalLM
from transformers.cache_utils import MtpCache
from transformers.generation.candidate_generator import MTPCandidateGenerator
from transformers.modeling_layers import MtpModel

from .config import config_json
from .shapes import Shape
from .storage import dequantized, save, write_json


@contextlib.contextmanager
def opened(folder: pathlib.Path, shape: Shape, stored: dict[str, torch.Tensor]) -> Iterator["Oracle"]:
    """The models in f32 with eager attention, read from the written folder (FP8: from a dequantised copy)."""
    if shape.dtype != "F8_E4M3":
        yield Oracle(*_load(folder, shape))
        return
    with tempfile.TemporaryDirectory() as copy:  # `generate(use_mtp=True)` reads the folder once more
        plain = pathlib.Path(copy)
        write_json(plain / "config.json", config_json(replace(shape, dtype="F32")))
        save(plain / "model.safetensors", dequantized(stored))
        yield Oracle(*_load(plain, shape))


def _load(folder: pathlib.Path, shape: Shape) -> tuple[DeepseekV3ForCausalLM, MtpModel]:
    # The MTP loader knows only the published layer number (61): name the layers of this checkpoint.
    pattern = [rf"model\.layers\.{shape.num_hidden_layers + head}\..*" for head in range(shape.mtp_heads)]
    DeepseekV3ForCausalLM._keys_to_ignore_on_load_unexpected = pattern + [r"rotary_emb\.inv_freq"]
    model = DeepseekV3ForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager").eval()
    model._keys_to_ignore_on_load_unexpected = pattern
    return model, MtpModel.from_pretrained(model).eval()


@dataclass
class Oracle:
    """Runs of one checkpoint; batch size 1 throughout, ids as plain lists."""

    model: DeepseekV3ForCausalLM
    mtp: MtpModel

    @torch.no_grad()
    def hidden(self, ids: list[int]) -> torch.Tensor:
        """Hidden states after the final norm, [1, tokens, hidden]."""
        return self.model.model(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state

    @torch.no_grad()
    def logits(self, ids: list[int]) -> torch.Tensor:
        return self.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float()

    @property
    def heads(self) -> int:
        return self.mtp.num_mtp_layers

    @torch.no_grad()
    def mtp_logits(self, ids: list[int]) -> torch.Tensor:
        """Row p of head k predicts token p + 2 + k from the true tokens up to p + 1 + k; [heads, tokens - 1, vocab].

        The last k rows of head k have no true token to embed and are zero.
        """
        out = torch.zeros(self.heads, len(ids) - 1, self.model.config.vocab_size)
        cache, rows = self._cache(), self.hidden(ids)
        for head in range(self.heads):
            count = len(ids) - 1 - head
            rows = self._rows(head, rows[:, :count], ids[head + 1:], cache)
            out[head, :count] = self.mtp._project_to_logits(rows)[0].float()
        return out

    def _cache(self) -> MtpCache:
        return MtpCache(config=self.model.config.get_mtp_config())

    def _rows(self, head: int, before: torch.Tensor, ids: list[int], cache: MtpCache) -> torch.Tensor:
        """Rows 0 ... of a head: row p from row p before it and the token p + head + 1, which is ids[p]."""
        positions = torch.arange(head + 1, head + 1 + len(ids))[None]
        return self.mtp.forward_layer(head, before, positions, cache, input_ids=torch.tensor([ids]))

    @torch.no_grad()
    def draft_chain(self, ids: list[int], depth: int) -> tuple[list[int], torch.Tensor]:
        """Greedy drafts after `ids` (the last id is known, its main hidden state is not): ids and their logits.

        Draft i comes from the last row of head i, over the drafts before it as over known ids. When the heads are used
        up the last one goes on: a further row takes the draft before it and the head's own output of the row before
        it (after shared_head.norm), at the next position, appended to its cache.
        """
        cache, count, drafts, logits = self._cache(), len(ids) - 1, [], []
        rows = self.hidden(ids)[:, :count]
        for step in range(depth):
            if step < self.heads:
                rows = self._rows(step, rows, (ids + drafts)[step + 1:], cache)
            else:
                rows = self.mtp.forward_layer(self.heads - 1, rows[:, -1:], torch.tensor([[count + step]]), cache,
                                              input_ids=torch.tensor([[drafts[-1]]]))
            logits.append(self.mtp._project_to_logits(rows[:, -1:])[0, 0].float())
            drafts.append(int(logits[-1].argmax()))
        return drafts, torch.stack(logits)

    @torch.no_grad()
    def generate(self, prompt: list[int], count: int) -> list[int]:
        return self._generate(prompt, count)

    @torch.no_grad()
    def generate_with_mtp(self, prompt: list[int], count: int) -> tuple[list[int], list[int]]:
        """Ids and the number of drafts accepted in each round (one draft a head and round)."""
        accepted: list[int] = []
        original = MTPCandidateGenerator.update_candidate_strategy

        def record(self, input_ids, scores, num_matches):
            accepted.append(int(num_matches))
            return original(self, input_ids, scores, num_matches)

        MTPCandidateGenerator.update_candidate_strategy = record
        try:
            ids = self._generate(prompt, count, use_mtp=True)
        finally:
            MTPCandidateGenerator.update_candidate_strategy = original
        return ids, accepted[1:]  # the first round is the prompt, without drafts

    def _generate(self, prompt: list[int], count: int, **options) -> list[int]:
        self.model.generation_config.eos_token_id = None
        ids = torch.tensor([prompt])
        out = self.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False,
                                  pad_token_id=0, **options)
        return out[0, len(prompt):].tolist()
