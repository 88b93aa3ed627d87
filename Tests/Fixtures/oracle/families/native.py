"""The same checkpoint through transformers, for the families that it has or that equal one of its families."""
import json
import pathlib
import tempfile

import torch
from transformers import AutoModelForCausalLM
from transformers.cache_utils import MtpCache
from transformers.modeling_layers import MtpModel

from ..storage import save
from .traits import Traits


class Native:
    """transformers in f32 with eager attention."""

    def __init__(self, traits: Traits, weights: dict[str, torch.Tensor]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "config.json").write_text(json.dumps(traits.native))
            save(path / "model.safetensors", weights)
            # The MTP loader knows only the published layer numbers: name the layers of this checkpoint.
            pattern = [rf"model\.layers\.{traits.layers + head}\..*" for head in range(traits.mtp_heads)]
            self.model = AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager").eval()
            self.mtp = None
            if traits.mtp == "deepseek":
                self.model._keys_to_ignore_on_load_unexpected = pattern
                self.mtp = MtpModel.from_pretrained(self.model).eval()

    @torch.no_grad()
    def logits(self, ids: list[int]) -> torch.Tensor:
        return self.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float()

    @torch.no_grad()
    def mtp_logits(self, ids: list[int]) -> torch.Tensor:
        """Row p of head k predicts token p + 2 + k; its last k rows are zero. [heads, tokens - 1, vocab]."""
        rows = self.model.model(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state
        cache = MtpCache(config=self.model.config.get_mtp_config())
        out = torch.zeros(self.mtp.num_mtp_layers, len(ids) - 1, self.model.config.vocab_size)
        for head in range(self.mtp.num_mtp_layers):
            count = len(ids) - 1 - head
            rows = self.mtp.forward_layer(head, rows[:, :count], torch.arange(head + 1, len(ids))[None], cache,
                                          input_ids=torch.tensor([ids[head + 1:]]))
            out[head, :count] = self.mtp._project_to_logits(rows)[0].float()
        return out

    @torch.no_grad()
    def greedy(self, prompt: list[int], count: int) -> list[int]:
        self.model.generation_config.eos_token_id = None
        ids = torch.tensor([prompt])
        out = self.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False,
                                  pad_token_id=0)
        return out[0, len(prompt):].tolist()
