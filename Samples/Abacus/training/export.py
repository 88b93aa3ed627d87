"""Writes the sample model's files from a training checkpoint.

    python export.py RUN/checkpoint.pt [FOLDER]

FOLDER is Samples/Abacus unless given; tokenizer.model is expected there already.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from checkpoint import published
from model import Config

MARKERS = ["<|system|>", "<|user|>", "<|assistant|>", "<think>", "</think>"]
CHAT_TEMPLATE = """\
{%- set mode = thinking | default('slow') -%}
{{- bos_token -}}
{%- set last = namespace(user=-1) -%}
{%- for message in messages -%}
{%- if message['role'] == 'user' -%}{%- set last.user = loop.index0 -%}{%- endif -%}
{%- endfor -%}
{%- for message in messages -%}
{%- if message['role'] == 'system' -%}
{{- '<|system|>' + message['content'] -}}
{%- elif message['role'] == 'user' -%}
{{- '<|user|>' + message['content'] -}}
{%- if loop.index0 == last.user and mode == 'fast' -%}{{- ' /no_think' -}}{%- endif -%}
{%- if loop.index0 == last.user and mode == 'auto' -%}{{- ' /auto_think' -}}{%- endif -%}
{%- elif message['role'] == 'assistant' -%}
{{- '<|assistant|>' + message['content'].split('</think>')[-1] + eos_token -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}
"""


def model_config(config):
    """config.json in the spelling of published DeepSeek-V3 checkpoints."""
    return {
        "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", **asdict(config),
        "num_key_value_heads": config.num_attention_heads, "q_lora_rank": None, "n_group": 1, "topk_group": 1,
        "topk_method": "noaux_tc", "scoring_func": "sigmoid", "norm_topk_prob": True, "moe_layer_freq": 1,
        "hidden_act": "silu", "attention_bias": False, "attention_dropout": 0.0, "initializer_range": 0.02,
        "max_position_embeddings": 1024, "rope_scaling": None, "tie_word_embeddings": False, "use_cache": True,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3, "torch_dtype": "bfloat16",
    }


def tokenizer_config():
    """tokenizer_config.json: no prefix space, no markers added, so that ids equal those of tokenizer.model."""
    special = {0: "<unk>", 1: "<s>", 2: "</s>", 3: "<pad>"} | dict(enumerate(MARKERS, 4))
    flags = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
    return {
        "tokenizer_class": "LlamaTokenizer", "legacy": False, "add_bos_token": False, "add_eos_token": False,
        "add_prefix_space": False, "clean_up_tokenization_spaces": False, "sp_model_kwargs": {}, "model_max_length": 1024,
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>",
        "added_tokens_decoder": {
            str(index): {"content": text, "special": index < 7, **flags} for index, text in special.items()
        },
        "chat_template": CHAT_TEMPLATE,
    }


def step_bytes(config):
    """Bytes of bf16 weights read by one main step and one prediction step, and the routed part of the former."""
    hidden, heads = config.hidden_size, config.num_attention_heads
    nope, rope, value, latent = config.qk_nope_head_dim, config.qk_rope_head_dim, config.v_head_dim, config.kv_lora_rank
    attention = hidden * (heads * (nope + rope) + latent + rope + heads * value) + latent * heads * (nope + value)
    expert = 3 * hidden * config.moe_intermediate_size
    routed = config.num_experts_per_tok * expert
    sparse = attention + config.n_routed_experts * hidden + config.n_shared_experts * expert + routed
    head = config.vocab_size * hidden
    layers = config.num_hidden_layers - config.first_k_dense_replace
    main = config.first_k_dense_replace * (attention + 3 * hidden * config.intermediate_size) + layers * sparse + head
    return 2 * main, 2 * (2 * hidden * hidden + sparse + head), 2 * layers * routed


def write(path, text):
    """Writes a text file in one piece."""
    temporary = path.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def main(checkpoint, folder):
    """Exports everything but tokenizer.model."""
    config = Config()
    state = torch.load(checkpoint, map_location="cpu")
    tensors = published(state["model"], config)
    temporary = folder / "model.safetensors.new"
    save_file(tensors, temporary, metadata={"format": "pt"})
    temporary.chmod(0o644)
    temporary.replace(folder / "model.safetensors")
    generation = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3, "do_sample": False, "max_new_tokens": 512}
    for name, content in (("config", model_config(config)), ("generation_config", generation), ("tokenizer_config", tokenizer_config())):
        write(folder / f"{name}.json", json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    main_step, mtp_step, routed = step_bytes(config)
    print(f"{sum(tensor.numel() for tensor in tensors.values()) / 1e6:.2f} M parameters, progress {state['progress']}")
    print(f"a prediction step reads {mtp_step / main_step:.3f} of a main step; routed share {routed / main_step:.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).resolve().parents[1])
