#!/usr/bin/env python3
"""Write small random DeepSeek-V3 checkpoints and what transformers computes on them.

    python make_fixtures.py                          # the committed fixtures, into deepseek-v3/
    python make_fixtures.py --only plain-f32         # one of them
    python make_fixtures.py --only plain-f32 --seed 9 --set hidden_size=80 --out /tmp/x   # another draw or shape
    python make_fixtures.py --shape random --seed 9 --out /tmp/x       # a random configuration, for fuzzing
    python make_fixtures.py --only plain-f32 --search 200              # the first seed without near-ties

See README.md for the layout and the formulas. Same seed, same machine: same bytes.
"""
import argparse
import os
import pathlib
import shutil
import sys

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch  # noqa: E402
from transformers.utils import logging  # noqa: E402

from oracle import fixture, shapes  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent / "deepseek-v3")
    parser.add_argument("--only", metavar="NAME", choices=list(shapes.NAMED), help=", ".join(shapes.NAMED))
    parser.add_argument("--shape", choices=["named", "random"], default="named")
    parser.add_argument("--seed", type=int, help="of the weights, and of the configuration with --shape random")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the shape")
    parser.add_argument("--search", type=int, metavar="N",
                        help="try up to N seeds of the weights from --seed on (default: 1, with --shape random 200)")
    parser.add_argument("--allow-near-ties", action="store_true", help="write the fixture whatever its margins")
    args = parser.parse_args()
    args.search = args.search or (200 if args.shape == "random" else 1)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    logging.set_verbosity_error()
    logging.disable_progress_bar()

    if args.shape == "random":
        first = args.seed or 0
        jobs = [(first, shapes.random_shape(first))]
    else:
        jobs = [(args.seed if args.seed is not None else seed, shape)
                for name, (seed, shape) in shapes.NAMED.items() if args.only in (None, name)]
    failed = [not make(args, seed, shapes.with_overrides(shape, args.set)) for seed, shape in jobs]
    sys.exit(1 if any(failed) else 0)


def make(args: argparse.Namespace, first: int, shape: shapes.Shape) -> bool:
    """Writes one fixture with the first fair seed; false if there is none."""
    folder = args.out / shape.name
    for seed in range(first, first + args.search):
        try:
            summary = fixture.write(folder, shape, seed, strict=not args.allow_near_ties)
        except fixture.Unfair as reason:
            print(f"{shape.name} seed {seed}: {reason}", file=sys.stderr)
            continue
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{shape.name} seed {seed}: {size / 1000:.0f} kB in {folder}")
        for key, value in summary.items():
            print(f"  {key}: {value:.3g}" if isinstance(value, float) else f"  {key}: {value}")
        return True
    print(f"{shape.name}: no seed without near-ties in {first}..{first + args.search - 1}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    return False


if __name__ == "__main__":
    main()
