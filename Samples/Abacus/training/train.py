"""Trains Abacus for a number of minutes, from scratch or from the last checkpoint.

    python train.py --out RUN --minutes 180 [--device cuda] [--compile]

The learning rate follows the clock: a short warm-up, a constant part, and a linear decay to zero over the last part.
Checkpoints carry everything needed to go on, so the same command resumes an interrupted run; one that is
asked to terminate saves first.
"""

import argparse
import json
import signal
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from batches import Batches
from encoding import PAD
from model import Abacus, Config
from moe import MoE
from muon import Muon

TOKENIZER = Path(__file__).resolve().parents[1] / "tokenizer.model"
MTP_WEIGHTS = (1.0, 0.8, 0.6)


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint and the log")
    parser.add_argument("--minutes", type=float, default=180, help="training time in all, over all resumptions")
    parser.add_argument("--decay", type=float, default=0.8, help="last share of the time, with falling learning rate")
    parser.add_argument("--tokens", type=int, default=6144, help="padded tokens of a batch")
    parser.add_argument("--lr", type=float, default=0.02, help="learning rate of the matrices (Muon)")
    parser.add_argument("--adam-lr", type=float, default=0.004, help="learning rate of all else (AdamW)")
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--mtp-share", type=float, default=0.1, help="share of a batch that trains the prediction head at first")
    parser.add_argument("--mtp-late", type=float, default=0.25, help="last share of the time, with the whole batch for it")
    parser.add_argument("--mtp-loss", type=float, default=0.3, help="weight of the prediction head's loss")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--save-minutes", type=float, default=5)
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


def optimizers(model, options):
    """Muon for the matrices inside the layers, AdamW for embeddings, head, norms and routers."""
    matrices, others = [], []
    for name, parameter in model.named_parameters():
        inner = parameter.ndim >= 2 and not any(part in name for part in ("embed_tokens", "lm_head", ".gate."))
        (matrices if inner else others).append(parameter)
    adam = torch.optim.AdamW(others, lr=options.adam_lr, betas=(0.9, 0.97), weight_decay=0.0, fused=True)
    pair = [Muon(matrices, lr=options.lr, weight_decay=options.weight_decay), adam]
    for optimizer in pair:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return pair


def pace(step, done, options):
    """The share of the peak learning rate, by step (warm-up) and by share of the time done (decay)."""
    return min(1.0, (step + 1) / 60) * max(0.02, min(1.0, (1 - done) / options.decay))


def learned_loss(states, weight, tokens, learned):
    """Cross-entropy of the learned tokens, given the states that predict them (padded to few different shapes)."""
    rows = learned.flatten().nonzero()[:, 0]
    spare = -len(rows) % 512
    states = states.flatten(0, 1)[F.pad(rows, (0, spare))]
    targets = F.pad(tokens.flatten()[rows], (0, spare), value=-100)
    return F.cross_entropy(F.linear(states, weight.to(states.dtype)).float(), targets)


def losses(model, tokens, learned, share):
    """The loss of the main model, and of the unrolled prediction head on a share of the rows."""
    hidden = model(tokens)
    main = learned_loss(hidden[:, :-1], model.lm_head.weight, tokens[:, 1:], learned[:, 1:])
    rows = torch.randperm(tokens.shape[0], device=tokens.device)[: max(1, round(share * tokens.shape[0]))]
    tokens, learned, hidden = tokens[rows], learned[rows], hidden[rows]
    embeddings = model.embed_tokens(tokens).to(hidden.dtype).detach()
    head = model.lm_head.weight.detach()
    states = model.mtp.unroll(embeddings, hidden, len(MTP_WEIGHTS))
    mtp = [
        learned_loss(state[:, :-step], head, tokens[:, step:], learned[:, step:]) for step, state in enumerate(states, 2)
    ]
    return main, mtp


def save(path, model, pair, progress):
    """Writes the checkpoint in one piece."""
    state = {"model": model.state_dict(), "optimizers": [one.state_dict() for one in pair], "progress": progress}
    temporary = path.with_suffix(".new")
    torch.save(state, temporary)
    temporary.replace(path)


def main():
    """The training loop."""
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    device = torch.device(options.device)
    model = Abacus(Config()).initialise().to(device)
    pair = optimizers(model, options)
    progress = {"step": 0, "tokens": 0, "learned": 0, "seconds": 0.0, "starts": 0}
    path = options.out / "checkpoint.pt"
    if path.exists():
        state = torch.load(path, map_location=device)
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(pair, state["optimizers"]):
            optimizer.load_state_dict(saved)
        progress = state["progress"]
    progress["starts"] += 1
    if options.compile:
        for layer in model.layers:
            layer.compile(dynamic=True)
    moes = [module for module in model.modules() if isinstance(module, MoE)]
    source = iter(Batches(TOKENIZER, options.seed + 1000 * progress["starts"], options.tokens))
    log = (options.out / "log.jsonl").open("a", encoding="utf-8")
    model.train()
    began, before = time.monotonic(), progress["seconds"]
    saved, totals, counted = began, torch.zeros(4), 0
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    while not stop and (done := progress["seconds"] / (60 * options.minutes)) < 1:
        factor = pace(progress["step"], done, options)
        for optimizer in pair:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
        tokens, learned = (part.to(device) for part in next(source))
        share = options.mtp_share if done < 1 - options.mtp_late else 1.0
        with torch.autocast(device.type, torch.bfloat16):
            main_loss, mtp = losses(model, tokens, learned, share)
            weighted = sum(weight * loss for weight, loss in zip(MTP_WEIGHTS, mtp)) / sum(MTP_WEIGHTS)
            loss = main_loss + options.mtp_loss * weighted
        loss.backward()
        for optimizer in pair:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        for moe in moes:
            moe.balance(0.004 * factor)
        totals += torch.tensor([main_loss.item(), *(one.item() for one in mtp)])
        counted += 1
        progress["step"] += 1
        progress["tokens"] += int((tokens != PAD).sum())
        progress["learned"] += int(learned.sum())
        now = time.monotonic()
        progress["seconds"] = before + now - began
        if progress["step"] % 10 == 0:
            entry = progress | {"lr": round(factor, 3), "loss": [round(value, 4) for value in (totals / counted).tolist()]}
            log.write(json.dumps(entry | {"seconds": round(progress["seconds"])}) + "\n")
            log.flush()
            totals, counted = torch.zeros(4), 0
        if now - saved > 60 * options.save_minutes:
            save(path, model, pair, progress)
            saved = time.monotonic()
    save(path, model, pair, progress)


if __name__ == "__main__":
    main()
