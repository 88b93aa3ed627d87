#!/usr/bin/env python3
"""Compares FusionSpec with llama.cpp on one Mixtral-type checkpoint: the same weights, machine, threads and run.

    python3 -m venv .venv && .venv/bin/pip install llama-cpp-python gguf numpy
    .venv/bin/python scripts/compare-llama.py                               # scripts/shapes/mixtral-1.3b, made-up weights
    .venv/bin/python scripts/compare-llama.py --shape scripts/shapes/mixtral-25m
    .venv/bin/python scripts/compare-llama.py --model ~/models/MyMixtral    # a checkpoint with model_type "mixtral"

First it writes what is missing to --folder: the checkpoint (with --shape) and GGUF files in BF16, Q8_0 and Q4_0. Then it
checks that both programs compute the same thing, by the logits of a short prompt; without that the times would mean
nothing. Then they take turns: llama.cpp (held open in a process of its own, asleep when it is not its turn), then
`fusionspec bench`, for every weight format, in every round. Both measure medians of their repetitions, and the medians over
the rounds count. --check-only stops before measuring.

llama.cpp runs in its best configuration: built for the processor (CMAKE_ARGS=-DGGML_NATIVE=ON), flash attention, weights repacked for the processor,
each forward including its logits, without a sampler. Bits a weight differ a little: Q8_0 8.5, int8 8; Q4_0 4.5, int4 4.25.

GCC 12 removes the stores that set up AMX tiles in llama.cpp, which then ends with an illegal instruction on processors that
have AMX. There, build the binding with the environment CXXFLAGS="-fno-dse -fno-tree-dse", or with another compiler.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

import numpy as np

from mixtral_files import mapped_tensors, write_gguf, write_random_checkpoint

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Our weight formats and the GGUF types of the same width.
GGUF_TYPES = {"bf16": "BF16", "int8": "Q8_0", "int4": "Q4_0"}
# Least correlation of the logits of both programs. bf16 weights are the same on both sides; narrow ones are rounded by
# different rules, so that the programs run slightly different models.
LEAST_CORRELATION = {"bf16": 0.999, "int8": 0.99, "int4": 0.9}


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", type=pathlib.Path, help="checkpoint folder")
    source.add_argument("--shape", type=pathlib.Path, default=ROOT / "scripts/shapes/mixtral-1.3b",
                        help="folder with a config.json to make up weights for (default: %(default)s)")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / ".build/compare-llama",
                        help="keeps the checkpoint and GGUF files (default: %(default)s)")
    parser.add_argument("--fusionspec", type=pathlib.Path, default=ROOT / ".build/release/fusionspec")
    parser.add_argument("--packed-weights", type=pathlib.Path, help="folder of fusionspec's packed weights (default: $FUSIONSPEC_PACKED_WEIGHTS, else in --folder)")
    parser.add_argument("--weights", default="bf16,int8,int4")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=2, help="of every measurement in a round")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=64)
    parser.add_argument("--rows", type=numbers, default=[1, 2, 3, 4, 6, 8])
    parser.add_argument("--depth-of-context", type=numbers, default=[0, 4096])
    parser.add_argument("--llama-cache", default="f16", choices=["f16", "bf16"],
                        help="llama.cpp's type of keys and values; bf16 is faster after long contexts (default: f16)")
    parser.add_argument("--json", type=pathlib.Path, help="write all numbers here")
    parser.add_argument("--check-only", action="store_true", help="prepare and check, measure nothing")
    options = parser.parse_args()
    options.weights = options.weights.split(",")
    if unknown := set(options.weights) - set(GGUF_TYPES):
        parser.error(f"--weights: found {', '.join(sorted(unknown))}, accepted: {', '.join(GGUF_TYPES)}")
    if 1 not in options.rows:
        options.rows.insert(0, 1)
    return options


class Llama:
    """llama.cpp in a process of its own, which answers requests; a crash there ends the comparison with a message."""

    def __init__(self, path: pathlib.Path, threads: int, positions: int, prompt: int, cache: str):
        self.path = path
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, path, threads, positions, prompt, cache),
                                       daemon=True)
        self.process.start()
        other.close()

    def ask(self, *request):
        try:
            self.pipe.send(request)
            return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            raise SystemExit(f"llama.cpp ended with status {self.process.exitcode} on {self.path}; "
                             "an illegal instruction (-4) is the compiler's fault that --help describes") from None


def serve(pipe, path: pathlib.Path, threads: int, positions: int, prompt: int, cache: str) -> None:
    """The process of llama.cpp: answers until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks.
    import llama_cpp
    from llama_cpp_side import LlamaBenchmark, LlamaModel

    model, benchmark = LlamaModel(path, threads, positions, prompt, cache), None
    while True:
        try:
            request, *values = pipe.recv()
        except EOFError:
            return
        if request == "about":
            pipe.send({"version": llama_cpp.__version__ if hasattr(llama_cpp, "__version__") else None,
                       "features": llama_cpp.llama_print_system_info().decode().strip(" |\n"),
                       "buffers": model.buffers})
        elif request == "logits":
            pipe.send(model.logits(values[0]))
        elif request == "fill":
            pipe.send(model.filled(values[0]))
        elif request == "prepare":
            benchmark = LlamaBenchmark(model, *values)
            pipe.send(None)
        elif request == "round":
            pipe.send(benchmark.round(*values))


class Comparison:
    """Both programs on one checkpoint."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.checkpoint = options.model or options.folder / options.shape.name
        self.environment = dict(os.environ)
        packed = options.packed_weights or os.environ.get("FUSIONSPEC_PACKED_WEIGHTS") or options.folder / "packed"
        pathlib.Path(packed).mkdir(parents=True, exist_ok=True)
        self.environment["FUSIONSPEC_PACKED_WEIGHTS"] = str(packed)

    def prepare_files(self) -> None:
        if not (self.checkpoint / "config.json").exists() and not self.options.model:
            print(f"writing {self.checkpoint}", file=sys.stderr)
            write_random_checkpoint(self.options.shape, self.checkpoint)
        for weights in self.options.weights:
            if not self.gguf(weights).exists():
                print(f"writing {self.gguf(weights)}", file=sys.stderr)
                write_gguf(self.checkpoint, self.gguf(weights), GGUF_TYPES[weights])

    def gguf(self, weights: str) -> pathlib.Path:
        return self.options.folder / f"{self.checkpoint.resolve().name}-{GGUF_TYPES[weights]}.gguf"

    def open_llama(self, weights: str) -> Llama:
        positions = max(self.options.prompt, max(self.options.depth_of_context) + self.options.generate)
        return Llama(self.gguf(weights), self.options.threads, positions, self.options.prompt, self.options.llama_cache)

    def fusionspec(self, command: str, weights: str, *more: str) -> None:
        line = [self.options.fusionspec, command, "--model", self.checkpoint, "--weights", weights,
                "--threads", str(self.options.threads), *more]
        done = subprocess.run([str(part) for part in line], env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"fusionspec {command} failed:\n{done.stderr}")

    def agreement(self, weights: str, llama: Llama) -> dict:
        """How far the logits of both programs agree on a short prompt of random tokens."""
        vocabulary = json.loads((self.checkpoint / "config.json").read_text())["vocab_size"]
        tokens = np.random.default_rng(2).integers(3, vocabulary, 32).tolist()
        dump = self.options.folder / "logits.safetensors"
        self.fusionspec("score", weights, "--token-ids", ",".join(map(str, tokens)), "--dump", str(dump))
        ours, theirs = mapped_tensors(dump)["logits"][1], llama.ask("logits", tokens)
        rows = [float(np.corrcoef(mine, other)[0, 1]) for mine, other in zip(ours, theirs, strict=True)]
        result = {"tokens": len(tokens), "correlation": float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]),
                  "least_row_correlation": min(rows),
                  "same_greedy_token": float((ours.argmax(1) == theirs.argmax(1)).mean())}
        dump.unlink()
        print(f"{weights}: correlation of logits {result['correlation']:.5f} (least row {min(rows):.5f}), the same greedy "
              f"token {result['same_greedy_token']:.0%}", file=sys.stderr)
        if result["correlation"] < LEAST_CORRELATION[weights]:
            raise SystemExit(f"{weights}: the programs do not compute the same thing, accepted: a correlation of at least "
                             f"{LEAST_CORRELATION[weights]}")
        return result

    def measure_ours(self, weights: str) -> dict:
        options, out = self.options, self.options.folder / "bench.json"
        self.fusionspec("bench", weights, "--prompt", str(options.prompt), "--generate", str(options.generate),
                        "--rows", ",".join(map(str, options.rows)), "--repetitions", str(options.repetitions),
                        "--depth-of-context", ",".join(map(str, options.depth_of_context)), "--json", str(out))
        report = json.loads(out.read_text())
        out.unlink()
        return {"prefill": report["prefill"][0]["ms"], "isa": report["isa"], "machine": report["machine"],
                "decode": {entry["context"]: entry["ms_per_token"] for entry in report["decode"]},
                "rows": {entry["rows"]: entry["ms"] for entry in report["rows"]}}

    def run(self) -> dict | None:
        options = self.options
        start = time.monotonic()
        llamas = {weights: self.open_llama(weights) for weights in options.weights}
        about = {weights: llama.ask("about") for weights, llama in llamas.items()}
        print(about[options.weights[0]]["features"], file=sys.stderr)
        for weights, entry in about.items():
            print(f"{weights}: llama.cpp keeps {', '.join(entry['buffers'])}", file=sys.stderr)
        agreement = {weights: self.agreement(weights, llama) for weights, llama in llamas.items()}
        if options.check_only:
            return None
        # The cache of a long context holds the same kind of numbers whatever the weights: the fastest model fills it.
        states = {depth: llamas[options.weights[-1]].ask("fill", depth) if depth else None
                  for depth in options.depth_of_context}
        for llama in llamas.values():
            llama.ask("prepare", states, options.rows, options.generate)
        print(f"ready after {time.monotonic() - start:.0f} s", file=sys.stderr)
        rounds = []
        try:
            for number in range(options.rounds):
                rounds.append({weights: {"llama.cpp": llamas[weights].ask("round", options.repetitions),
                                         "fusionspec": self.measure_ours(weights)} for weights in options.weights})
                print(f"round {number + 1} of {options.rounds} at {time.monotonic() - start:.0f} s", file=sys.stderr)
        except KeyboardInterrupt:
            if not rounds:
                raise
            print("interrupted: the complete rounds count", file=sys.stderr)
        return {"schema": "fusionspec.compare-llama/1", "model": self.checkpoint.resolve().name,
                "threads": options.threads, "prompt": options.prompt, "generate": options.generate,
                "llama_cache": options.llama_cache, "llama.cpp": about, "agreement": agreement, "rounds": rounds,
                "medians": {weights: {side: medians([entry[weights][side] for entry in rounds])
                                      for side in ("llama.cpp", "fusionspec")} for weights in options.weights}}


def medians(rounds: list[dict]) -> dict:
    return {"prefill": statistics.median(entry["prefill"] for entry in rounds)} | {
        kind: {key: statistics.median(entry[kind][key] for entry in rounds) for key in rounds[0][kind]}
        for kind in ("decode", "rows")}


def table(result: dict, rows: list[int]) -> str:
    """Tokens a second, then milliseconds of forwards of several rows; the last line of a format is how many times as fast
    FusionSpec is."""
    depths = list(result["medians"][next(iter(result["medians"]))]["llama.cpp"]["decode"])
    rows = [count for count in rows if count > 1]
    heads = (["weights", "", f"prefill {result['prompt']}, tok/s"] + [f"decode at {depth}, tok/s" for depth in depths]
             + [f"{count} rows, ms" for count in rows])
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for weights, sides in result["medians"].items():
        theirs, ours = sides["llama.cpp"], sides["fusionspec"]
        for name, side in ("llama.cpp " + GGUF_TYPES[weights], theirs), ("FusionSpec " + weights, ours):
            cells = [f"{1000 * result['prompt'] / side['prefill']:.0f}"]
            cells += [f"{1000 / side['decode'][depth]:.0f}" for depth in depths]
            cells += [f"{side['rows'][count]:.{1 if side['rows'][count] >= 1 else 2}f}" for count in rows]
            lines.append("| " + " | ".join([weights if side is theirs else "", name] + cells) + " |")
        ratios = ([theirs["prefill"] / ours["prefill"]]
                  + [theirs["decode"][depth] / ours["decode"][depth] for depth in depths]
                  + [theirs["rows"][count] / ours["rows"][count] for count in rows])
        lines.append("| | times as fast | " + " | ".join(f"**{ratio:.2f}**" for ratio in ratios) + " |")
    return "\n".join(lines)


def main() -> None:
    options = arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    comparison = Comparison(options)
    comparison.prepare_files()
    result = comparison.run()
    if result is None:
        return
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result, options.rows))


if __name__ == "__main__":
    main()
