"""The other side of `bench.reference`: the same weights in transformers, in float32, with eager attention.

Runs in an environment of its own, which has torch and transformers and nothing of this project:

    python transformers_side.py THREADS FILE.gguf

Answers each JSON document on a line of standard input with one on a line of standard output.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging


def load(path: Path):
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    config = AutoConfig.from_pretrained(path.parent, gguf_file=path.name)
    config._attn_implementation = "eager"
    model = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, config=config, dtype=torch.float32, attn_implementation="eager"
    )
    return model.eval()


def score(model, ids):
    """The surprise of each token after the first, in nats."""
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0].double()
    logprobs = torch.log_softmax(logits, -1)
    return [-float(logprobs[i, id]) for i, id in enumerate(ids[1:])]


def attention(model, ids):
    """(layers, heads, queries, keys) as nested lists."""
    with torch.inference_mode():
        found = model(torch.tensor([ids]), output_attentions=True).attentions
    return [layer[0].tolist() for layer in found]


def beam(model, ids, width, tokens):
    """The best text's tokens, and the seconds that it took."""
    given = torch.tensor([ids])
    started = time.perf_counter()
    with torch.inference_mode():
        out = model.generate(
            given,
            attention_mask=torch.ones_like(given),
            num_beams=width,
            do_sample=False,
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            length_penalty=0.0,
            early_stopping=False,
            pad_token_id=0,
        )
    return {"ids": out[0, len(ids) :].tolist(), "seconds": time.perf_counter() - started}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to standard error
    model = load(Path(sys.argv[2]))
    operations = {"score": score, "attention": attention, "beam": beam}
    for line in sys.stdin:
        asked = json.loads(line)
        answer = operations[asked.pop("operation")](model, **asked)
        print(json.dumps(answer), file=replies, flush=True)


main()
