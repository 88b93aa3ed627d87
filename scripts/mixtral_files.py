"""Mixtral-type checkpoints for compare-llama.py: made up from a config.json, read, and written again as GGUF.

Needs numpy, and gguf for GGUF files. Numpy knows no bfloat16, so such tensors travel as the 16 bits they are.
"""
import json
import math
import pathlib

import numpy as np

# Names and types of safetensors, and what numpy calls them.
NUMPY_TYPES = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32}


class Checkpoint:
    """The tensors of a folder's safetensors files, mapped into memory."""

    def __init__(self, folder: pathlib.Path):
        self.config = json.loads((folder / "config.json").read_text())
        self._tensors = {}
        for path in sorted(folder.glob("*.safetensors")):
            self._tensors |= mapped_tensors(path)

    def __getitem__(self, name: str) -> np.ndarray:
        """A tensor as float32."""
        return as_float(*self._tensors[name])

    def bits(self, name: str) -> np.ndarray:
        """A tensor as the bits of bfloat16, rounded where it is wider."""
        kind, array = self._tensors[name]
        return array if kind == "BF16" else bfloat16_bits(as_float(kind, array))


def mapped_tensors(path: pathlib.Path) -> dict[str, tuple[str, np.ndarray]]:
    """The tensors of one safetensors file: name to (type, array)."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + size)
    header.pop("__metadata__", None)
    return {
        name: (entry["dtype"], data[slice(*entry["data_offsets"])]
               .view(NUMPY_TYPES[entry["dtype"]]).reshape(entry["shape"]))
        for name, entry in header.items()
    }


def as_float(kind: str, array: np.ndarray) -> np.ndarray:
    if kind == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)


def bfloat16_bits(array: np.ndarray) -> np.ndarray:
    """Rounded to the nearest bfloat16, ties to even; for finite numbers."""
    bits = np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def tensor_shapes(config: dict) -> dict[str, list[int]]:
    """The tensors of a Mixtral checkpoint and their shapes."""
    hidden, width, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    query, key = head * config["num_attention_heads"], head * config["num_key_value_heads"]
    shapes = {"model.embed_tokens.weight": [vocabulary, hidden], "model.norm.weight": [hidden],
              "lm_head.weight": [vocabulary, hidden]}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        shapes |= {prefix + "input_layernorm.weight": [hidden],
                   prefix + "post_attention_layernorm.weight": [hidden],
                   prefix + "self_attn.q_proj.weight": [query, hidden],
                   prefix + "self_attn.k_proj.weight": [key, hidden],
                   prefix + "self_attn.v_proj.weight": [key, hidden],
                   prefix + "self_attn.o_proj.weight": [hidden, query],
                   prefix + "block_sparse_moe.gate.weight": [config["num_local_experts"], hidden]}
        for expert in range(config["num_local_experts"]):
            for name, shape in ("w1", [width, hidden]), ("w2", [hidden, width]), ("w3", [width, hidden]):
                shapes[f"{prefix}block_sparse_moe.experts.{expert}.{name}.weight"] = shape
    return shapes


def write_random_checkpoint(shape_folder: pathlib.Path, out: pathlib.Path, seed: int = 0) -> None:
    """Writes made-up bfloat16 weights in the shape of a folder's config.json.

    Embeddings have unit scale, so that the rows of a batch choose their experts about independently; with the usual
    0.02 they nearly all agree, and verifying several rows would look far too cheap.
    """
    config = json.loads((shape_folder / "config.json").read_text())
    shapes = tensor_shapes(config)
    header, offset = {}, 0
    for name, shape in shapes.items():
        end = offset + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    generator = np.random.default_rng(seed)
    out.mkdir(parents=True, exist_ok=True)
    unfinished = out / "model.safetensors.unfinished"
    with unfinished.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            if len(shape) == 1:
                weights = np.ones(shape, dtype=np.float32)
            else:
                weights = generator.standard_normal(shape, dtype=np.float32)
                weights *= 1 if name == "model.embed_tokens.weight" else 0.02
            bfloat16_bits(weights).tofile(file)
    unfinished.rename(out / "model.safetensors")
    # Last: a folder with it is complete.
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def interleaved(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a query or key projection in llama.cpp's order: it turns neighbouring elements of a head by the rotary
    angle, Hugging Face's layout those half a head apart."""
    return weight.reshape(heads, 2, -1, weight.shape[-1]).swapaxes(1, 2).reshape(weight.shape)


def gguf_tensors(config: dict):
    """(GGUF name, name or names of experts in the checkpoint, heads to interleave, whether the type may be narrow) of all tensors."""
    yield "token_embd.weight", "model.embed_tokens.weight", 0, True
    yield "output_norm.weight", "model.norm.weight", 0, False
    output = "model.embed_tokens.weight" if config.get("tie_word_embeddings") else "lm_head.weight"
    yield "output.weight", output, 0, True
    for layer in range(config["num_hidden_layers"]):
        ours, theirs = f"model.layers.{layer}.", f"blk.{layer}."
        mixture = ours + "block_sparse_moe."
        yield theirs + "attn_norm.weight", ours + "input_layernorm.weight", 0, False
        yield theirs + "ffn_norm.weight", ours + "post_attention_layernorm.weight", 0, False
        yield theirs + "attn_q.weight", ours + "self_attn.q_proj.weight", config["num_attention_heads"], True
        yield theirs + "attn_k.weight", ours + "self_attn.k_proj.weight", config["num_key_value_heads"], True
        yield theirs + "attn_v.weight", ours + "self_attn.v_proj.weight", 0, True
        yield theirs + "attn_output.weight", ours + "self_attn.o_proj.weight", 0, True
        yield theirs + "ffn_gate_inp.weight", mixture + "gate.weight", 0, False
        for name, expert_name in ("gate", "w1"), ("down", "w2"), ("up", "w3"):
            experts = [f"{mixture}experts.{expert}.{expert_name}.weight"
                       for expert in range(config["num_local_experts"])]
            yield f"{theirs}ffn_{name}_exps.weight", experts, 0, True


def write_gguf(folder: pathlib.Path, out: pathlib.Path, type_name: str) -> None:
    """Writes a Mixtral checkpoint as a GGUF file without a tokenizer.

    All matrices get the type (BF16, Q8_0 or Q4_0); norms and routers stay f32, as llama.cpp's own converter keeps them.
    """
    import gguf

    checkpoint = Checkpoint(folder)
    config = checkpoint.config
    if config.get("model_type") != "mixtral":
        raise SystemExit(f"{folder}/config.json: found model_type {config.get('model_type')!r}, accepted: 'mixtral'")
    narrow = gguf.GGMLQuantizationType[type_name]
    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    unfinished = out.with_name(out.name + ".unfinished")
    writer = gguf.GGUFWriter(unfinished, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(config.get("rope_theta") or config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_expert_count(config["num_local_experts"])
    writer.add_expert_used_count(config["num_experts_per_tok"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("none")

    def converted(names, heads, is_narrow) -> np.ndarray:
        def one(name: str) -> np.ndarray:
            keeps_bits = is_narrow and narrow == gguf.GGMLQuantizationType.BF16
            weight = checkpoint.bits(name) if keeps_bits else checkpoint[name]
            weight = interleaved(weight, heads) if heads else weight
            if not is_narrow:
                return weight
            weight = weight if keeps_bits else gguf.quants.quantize(weight, narrow)
            return np.ascontiguousarray(weight).view(np.uint8)

        return np.stack([one(name) for name in names]) if isinstance(names, list) else one(names)

    tensors = list(gguf_tensors(config))
    shapes = tensor_shapes(config)
    for name, sources, _, is_narrow in tensors:
        shape = [len(sources)] + shapes[sources[0]] if isinstance(sources, list) else shapes[sources]
        kind = narrow if is_narrow else gguf.GGMLQuantizationType.F32
        size = math.prod(gguf.quant_shape_to_byte_shape(shape, kind))
        writer.add_tensor_info(name, shape, np.dtype(np.float32), size, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for _, sources, heads, is_narrow in tensors:
        writer.write_tensor_data(converted(sources, heads, is_narrow))
    writer.close()
    unfinished.rename(out)
