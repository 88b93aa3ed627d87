#!/usr/bin/env python3
"""Compares FusionSpec with ik_llama.cpp on one Mixtral-type checkpoint: the same weights, machine, threads and run.

    cmake -S ik_llama.cpp -B ik_llama.cpp/build -DGGML_NATIVE=ON -DLLAMA_CURL=OFF
    cmake --build ik_llama.cpp/build --target llama-bench
    python3 -m venv .venv && .venv/bin/pip install gguf numpy
    .venv/bin/python scripts/compare-ik.py --llama-bench ik_llama.cpp/build/bin/llama-bench

The programs take turns, for every weight format in every round: llama-bench, then `fusionspec bench`; the medians over the
rounds count. ik_llama.cpp runs in its best configuration: built for the processor, weights repacked at load (-rtr) in huge
pages (-thp), flash attention and fused experts (its defaults). It does not run batches with experts of their own, so there
are no rows here; compare-llama.py has those. That both programs compute the same is checked there too, with the same files.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

from mixtral_files import write_gguf, write_random_checkpoint

ROOT = pathlib.Path(__file__).resolve().parent.parent
GGUF_TYPES = {"bf16": "BF16", "int8": "Q8_0", "int4": "Q4_0"}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-bench", type=pathlib.Path, required=True, help="of ik_llama.cpp")
    parser.add_argument("--shape", type=pathlib.Path, default=ROOT / "scripts/shapes/mixtral-1.3b",
                        help="folder with a config.json to make up weights for (default: %(default)s)")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / ".build/compare-llama",
                        help="keeps the checkpoint and GGUF files (default: %(default)s)")
    parser.add_argument("--fusionspec", type=pathlib.Path, default=ROOT / ".build/release/fusionspec")
    parser.add_argument("--weights", default="bf16,int8,int4")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=3, help="of every measurement in a round")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=64)
    parser.add_argument("--context", type=int, default=4096, help="tokens before the second measurement of decoding")
    parser.add_argument("--json", type=pathlib.Path, help="write all numbers here")
    options = parser.parse_args()
    options.weights = options.weights.split(",")
    if unknown := set(options.weights) - set(GGUF_TYPES):
        parser.error(f"--weights: found {', '.join(sorted(unknown))}, accepted: {', '.join(GGUF_TYPES)}")
    return options


def output_of(*line) -> str:
    done = subprocess.run([str(part) for part in line], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, line))} failed:\n{done.stderr}")
    return done.stdout


def measure_theirs(options: argparse.Namespace, path: pathlib.Path) -> dict[str, float]:
    """Tokens a second: of the prompt, decoding, and decoding after a context."""
    text = output_of(options.llama_bench, "-m", path, "-t", options.threads, "-p", options.prompt, "-n", options.generate,
                     "-gp", f"{options.context},{options.generate}", "-r", options.repetitions, "-rtr", 1, "-thp", 1,
                     "-o", "json")
    entries = json.loads(text[text.index("[\n"):])
    return {"prefill": next(e["avg_ts"] for e in entries if e["n_gen"] == 0),
            "decode": next(e["avg_ts"] for e in entries if e["n_prompt"] == 0),
            "decode after context": next(e["avg_ts"] for e in entries if e["n_prompt"] and e["n_gen"])}


def measure_ours(options: argparse.Namespace, checkpoint: pathlib.Path, weights: str) -> dict[str, float]:
    out = options.folder / "bench.json"
    output_of(options.fusionspec, "bench", "--model", checkpoint, "--weights", weights, "--threads", options.threads,
              "--prompt", options.prompt, "--generate", options.generate, "--rows", 1, "--repetitions",
              options.repetitions, "--depth-of-context", f"0,{options.context}", "--json", out)
    report = json.loads(out.read_text())
    out.unlink()
    decode = {entry["context"]: 1000 / entry["ms_per_token"] for entry in report["decode"]}
    return {"prefill": 1000 * options.prompt / report["prefill"][0]["ms"], "decode": decode[0],
            "decode after context": decode[options.context]}


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(entry[key] for entry in rounds) for key in rounds[0]}


def table(options: argparse.Namespace, results: dict) -> str:
    lines = [f"| weights | | prefill {options.prompt}, tok/s | decode at 0, tok/s | decode at {options.context}, tok/s |",
             "|---|---|---|---|---|"]
    for weights, sides in results.items():
        theirs, ours = sides["ik_llama.cpp"], sides["fusionspec"]
        for first, name, side in (weights, f"ik_llama.cpp {GGUF_TYPES[weights]}", theirs), ("", f"FusionSpec {weights}", ours):
            lines.append(f"| {first} | {name} | " + " | ".join(f"{value:.0f}" for value in side.values()) + " |")
        ratios = " | ".join(f"**{ours[key] / theirs[key]:.2f}**" for key in theirs)
        lines.append(f"| | times as fast | {ratios} |")
    return "\n".join(lines)


def main() -> None:
    options = arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    checkpoint = options.folder / options.shape.name
    if not (checkpoint / "config.json").exists():
        write_random_checkpoint(options.shape, checkpoint)
    paths = {weights: options.folder / f"{checkpoint.name}-{GGUF_TYPES[weights]}.gguf" for weights in options.weights}
    for weights, path in paths.items():
        if not path.exists():
            write_gguf(checkpoint, path, GGUF_TYPES[weights])
    rounds: dict = {weights: {"ik_llama.cpp": [], "fusionspec": []} for weights in options.weights}
    for number in range(options.rounds):
        for weights, path in paths.items():
            rounds[weights]["ik_llama.cpp"].append(measure_theirs(options, path))
            rounds[weights]["fusionspec"].append(measure_ours(options, checkpoint, weights))
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    results = {weights: {side: medians(entries) for side, entries in sides.items()} for weights, sides in rounds.items()}
    if options.json:
        options.json.write_text(json.dumps({"rounds": rounds, "medians": results}, indent=1) + "\n")
    print(table(options, results))


if __name__ == "__main__":
    main()
