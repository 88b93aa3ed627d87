"""llama.cpp's side of compare-llama.py, through the low-level interface of llama-cpp-python."""
import ctypes
import pathlib
import re
import statistics
import time

import gguf
import llama_cpp
import numpy as np


class LlamaModel:
    """One GGUF file opened for measuring: flash attention, a cache of f16 (its default) or bf16, and weights in memory,
    where llama.cpp repacks them for this processor."""

    def __init__(self, path: pathlib.Path, threads: int, positions: int, prompt: int, cache: str = "f16"):
        self.log = []
        self._callback = llama_cpp.llama_log_callback(
            lambda level, text, user: self.log.append(text.decode(errors="replace")))
        llama_cpp.llama_log_set(self._callback, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        parameters = llama_cpp.llama_model_default_params()
        # Read into memory, not mapped: faster in every format, as huge pages and repacked weights need it.
        parameters.load_mode = llama_cpp.LLAMA_LOAD_MODE_NONE
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
        if not self._model:
            raise SystemExit(f"llama.cpp cannot open {path}:\n" + "".join(self.log[-20:]))
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = positions
        options.n_batch = options.n_ubatch = max(prompt, 32)
        options.n_threads = options.n_threads_batch = threads
        options.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED
        options.type_k = options.type_v = gguf.GGMLQuantizationType[cache.upper()]
        self._context = llama_cpp.llama_init_from_model(self._model, options)
        if not self._context:
            raise SystemExit(f"llama.cpp cannot prepare {path}:\n" + "".join(self.log[-20:]))
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(options.n_batch, 0, 1)
        self._vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))
        self._prompt = prompt
        self._tokens = np.random.default_rng(1).permutation(self._vocabulary)
        self._next = 0

    @property
    def buffers(self) -> list[str]:
        """Where the weights went, as llama.cpp logs it, such as 'CPU_REPACK 567.00 MiB'."""
        found = re.findall(r"(\S+) model buffer size =\s*(\S+ \S+)", "".join(self.log))
        return [f"{name} {size}" for name, size in found]

    def _decode(self, tokens, start: int, all_outputs: bool) -> None:
        batch = self._batch
        batch.n_tokens = len(tokens)
        for row, token in enumerate(tokens):
            batch.token[row] = int(token)
            batch.pos[row] = start + row
            batch.n_seq_id[row] = 1
            batch.seq_id[row][0] = 0
            batch.logits[row] = all_outputs or row == len(tokens) - 1
        status = llama_cpp.llama_decode(self._context, batch)
        if status != 0:
            raise SystemExit(f"llama_decode returned {status}")

    def _output(self, row: int) -> np.ndarray:
        """Logits of a row; waits for the computation."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(pointer, shape=(self._vocabulary,))

    def logits(self, tokens) -> np.ndarray:
        """Logits after each token of a short prompt."""
        self._restore(None)
        self._decode(tokens, 0, all_outputs=True)
        return np.stack([self._output(row) for row in range(len(tokens))]).copy()

    def _random_tokens(self, count: int):
        """The next tokens of a shuffled vocabulary."""
        places = (self._next + np.arange(count)) % self._vocabulary
        self._next += count
        return self._tokens[places].tolist()

    def _restore(self, state: np.ndarray | None) -> None:
        """Empties the cache, or fills it with what `filled` returned."""
        llama_cpp.llama_memory_clear(self._memory, False)
        if state is not None:
            pointer = state.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
            if llama_cpp.llama_state_seq_set_data(self._context, pointer, state.nbytes, 0) == 0:
                raise SystemExit("llama.cpp refused its own state")

    def filled(self, positions: int) -> np.ndarray:
        """The state of the cache after that many random tokens."""
        self._restore(None)
        for start in range(0, positions, self._prompt):
            self._decode(self._random_tokens(min(self._prompt, positions - start)), start, all_outputs=False)
        size = llama_cpp.llama_state_seq_get_size(self._context, 0)
        state = np.zeros(size, dtype=np.uint8)
        pointer = state.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
        llama_cpp.llama_state_seq_get_data(self._context, pointer, size, 0)
        return state

    def prefill(self) -> float:
        """Milliseconds of a prompt, up to the logits after its last token."""
        tokens = self._random_tokens(self._prompt)
        self._restore(None)
        start = time.perf_counter()
        self._decode(tokens, 0, all_outputs=False)
        self._output(-1)
        return 1000 * (time.perf_counter() - start)

    def decode(self, position: int, state: np.ndarray | None, count: int) -> float:
        """Mean milliseconds of a token decoded after `position` others."""
        tokens = self._random_tokens(count)
        self._restore(state)
        start = time.perf_counter()
        for offset, token in enumerate(tokens):
            self._decode([token], position + offset, all_outputs=True)
            self._output(0).argmax()
        return 1000 * (time.perf_counter() - start) / count

    def rows(self, count: int, forwards: int) -> list[float]:
        """Milliseconds of forwards of several rows, all with logits, on an empty cache."""
        times = []
        for _ in range(forwards):
            tokens = self._random_tokens(count)
            self._restore(None)
            start = time.perf_counter()
            self._decode(tokens, 0, all_outputs=True)
            self._output(count - 1)
            times.append(1000 * (time.perf_counter() - start))
        return times


class LlamaBenchmark:
    """The measurements of `fusionspec bench` with llama.cpp, on the same shapes, depths and counts."""

    def __init__(self, model: LlamaModel, depths: dict[int, np.ndarray | None], rows: list[int], generate: int):
        self.model, self.depths, self.row_counts, self.generate = model, depths, rows, generate
        # Touches everything and finds how many forwards make a fair sample.
        self.forwards = {}
        for count in rows:
            model.rows(count, 2)
            self.forwards[count] = min(max(int(40 / model.rows(count, 1)[0]), 3), 64)
        model.prefill()

    def round(self, repetitions: int) -> dict:
        """Medians over the repetitions: prefill in ms, decode in ms a token by depth, ms of a forward by rows."""
        prefill, decode, rows = [], {depth: [] for depth in self.depths}, {count: [] for count in self.row_counts}
        for _ in range(repetitions):
            prefill.append(self.model.prefill())
            for depth, state in self.depths.items():
                decode[depth].append(self.model.decode(depth, state, self.generate))
            for count in self.row_counts:
                rows[count] += self.model.rows(count, self.forwards[count])
        return {"prefill": statistics.median(prefill),
                "decode": {depth: statistics.median(times) for depth, times in decode.items()},
                "rows": {count: statistics.median(times) for count, times in rows.items()}}
