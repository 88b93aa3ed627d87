#!/usr/bin/env python3
"""Write small random checkpoints of every family but DeepSeek-V3 and the oracle's numbers on them.

    python make_family_fixtures.py                                    # the committed fixtures, into <family>/<name>/
    python make_family_fixtures.py --only mixtral/plain-f32           # one of them, or one family
    python make_family_fixtures.py --only llama --seed 50 --search 20 --set hidden_size=60 --out /tmp/held-back
    python make_family_fixtures.py --random 20 --seed 7 --out /tmp/fuzz        # random configurations of all families

See README.md for the layout. Same seed, same machine: same bytes.
"""
import argparse
import ast
import os
import pathlib
import sys
from dataclasses import replace

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch  # noqa: E402
from transformers.utils import logging  # noqa: E402

from oracle.families import fixture, recipes  # noqa: E402
from oracle.families.random_recipes import random_recipe  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    parser.add_argument("--only", metavar="FAMILY[/NAME]", default="")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the configuration")
    parser.add_argument("--random", type=int, metavar="N", help="N configurations drawn from the seeds from --seed on")
    parser.add_argument("--search", type=int, metavar="N", default=200, help="try up to N seeds")
    parser.add_argument("--allow-near-ties", action="store_true", help="write the fixture whatever its margins")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    logging.set_verbosity_error()
    logging.disable_progress_bar()

    failed = False
    if args.random:
        for number in range(args.seed or 1, (args.seed or 1) + args.random):
            family, recipe = random_recipe(number, args.only)
            failed |= not _make(args, args.out / family / recipe.name, number, recipe)
        sys.exit(1 if failed else 0)
    for family, seed, recipe in recipes.NAMED:
        if args.only in ("", family, f"{family}/{recipe.name}"):
            recipe = replace(recipe, config=recipe.config | dict(map(_setting, args.set)))
            failed |= not _make(args, args.out / family / recipe.name, args.seed or seed, recipe)
    sys.exit(1 if failed else 0)


def _setting(text: str) -> tuple[str, object]:
    """`key=value`, the value as in Python or a bare string."""
    key, _, value = text.partition("=")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def _make(args: argparse.Namespace, folder: pathlib.Path, first: int, recipe: fixture.Recipe) -> bool:
    """Writes one fixture with the first fair seed; false if there is none."""
    for seed in range(first, first + args.search):
        try:
            summary = fixture.write(folder, recipe, seed, strict=not args.allow_near_ties)
        except fixture.Unfair as reason:
            print(f"{folder.parent.name}/{recipe.name} seed {seed}: {reason}", file=sys.stderr)
            continue
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{folder.parent.name}/{recipe.name} seed {seed}: {size / 1000:.0f} kB", flush=True)
        for key, value in summary.items():
            print(f"  {key}: {value:.3g}" if isinstance(value, float) else f"  {key}: {value}")
        return True
    print(f"{folder}: no fair seed in {first}..{first + args.search - 1}", file=sys.stderr)
    return False


if __name__ == "__main__":
    main()
