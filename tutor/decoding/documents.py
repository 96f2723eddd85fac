"""What was explored or searched as JSON data, with all that it takes to do it again.

Every document has `format` (1), `kind`, `model` and `prompt` {text, ids, typed}: `typed` says that the text alone gives
the ids. Numbers are natural logarithms (nats) throughout, `bytes` is hex. A `command` is the words of a call of
`qwtutor decode` that writes the same tokens again, or null where none does: a token was chosen by hand, or the prompt
is no typed text.

- `exploration`: `tokens`, a tree: {index, parent (0 is the prompt), id, text, bytes, logprob, how, ends, strategy,
  draw, entropy, top}; `branches`, one an end: {tokens (indices), ids, text, logprob, command}; `cursor`, an index.
- `beam`: `strategy`, `command`, `steps` {kept, finished, pruned} as `qwtutor decode --strategy beam --json` has them,
  `beams` (the result, or what is in the running: {ids, text, logprob, score, finished}), `finished`; `greedy` and
  `drawn` as one of the `texts` below.
- `lockstep`: `texts`, one a strategy: {strategy, command, ids, text, logprob, finished, tokens}, where `tokens` are
  {id, text, bytes, logprob, entropy, draw, top}; `parting`, the first step (from 0) at which they part, or null.

A vote is none of these: `arena` has no prompt of its own, and its `command` counts the votes again.

- `arena`: `a` and `b`, the settings of the two; `votes` as the demo `assistants` takes them; `rounds` {prompt, left,
  right, verdict, lengths, answers}, where `left` and `right` say who stood there, `lengths` are characters, and the
  answers of older rounds are empty; `elo` and `bradley_terry` (empty where there is no finite answer); `left_won` and
  `longer_won` {count, of, low, high}: of the rounds that either won, with an interval of 95 %.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Sequence
from math import isfinite
from typing import Any

from tutor.decoding.exploration import Exploration
from tutor.decoding.runs import DRAWN, GREEDY, BeamRun, LockstepRun, Prompt, label_of, logprob
from tutor.decoding.standing import Poll
from tutor.domain.model import BeamCandidate, Candidate, DecodeStep, Strategy

FORMAT = 1
Run = Exploration | BeamRun | LockstepRun | Poll


def document(run: Run) -> dict[str, Any]:
    """`run` as JSON data."""
    match run:
        case Exploration():
            return _exploration(run)
        case BeamRun():
            return _beam(run)
        case LockstepRun():
            return _lockstep(run)
        case Poll():
            return _poll(run)


def prompt_of(run: Exploration | BeamRun | LockstepRun) -> Prompt:
    if isinstance(run, Exploration):
        return Prompt(run.prompt_text, tuple(run.prompt_ids), run.model, typed=not run.chat)
    return run.prompt


def command(
    prompt: Prompt, strategy: Strategy, count: int, *, ignore_eos: bool = False, json: bool = True
) -> list[str] | None:
    """The call that writes `count` tokens with `strategy` after `prompt`; None where the prompt cannot be typed."""
    if not prompt.typed or not count:
        return None
    words = ["qwtutor", "decode", *(["--model", prompt.model] if prompt.model else []), "--strategy", strategy.kind]
    plain = Strategy(strategy.kind)
    for name in _SETTINGS[strategy.kind]:
        if (value := getattr(strategy, name)) != getattr(plain, name):
            words += [f"--{name.replace('_', '-')}", str(value)]
    words += ["--max-tokens", str(count), *(["--ignore-eos"] if ignore_eos else []), *(["--json"] if json else [])]
    # Behind `--` a prompt may begin with a dash; only a lone one would still mean standard input.
    return [*words, "--", prompt.text] if prompt.text != "-" else None


_SETTINGS = {
    "greedy": ("repeat_penalty",),
    "sample": ("temperature", "top_k", "typical_p", "top_p", "min_p", "repeat_penalty", "seed"),
    "beam": ("width", "length_penalty"),
}


def beam_strategy(run: BeamRun) -> Strategy:
    return Strategy("beam", width=run.width, length_penalty=run.length_penalty)


def branch_strategy(run: Exploration, leaf: int) -> tuple[Strategy, bool] | None:
    """The one strategy that writes all tokens up to `leaf`, and whether it must go on past an end; None where none."""
    path = [run.nodes[index] for index in run.path(leaf)]
    strategies = {node.strategy for node in path}
    if len(strategies) != 1 or any(node.step is None or node.step.id != node.id for node in path):
        return None
    (strategy,) = strategies
    return (strategy, any(node.ends for node in path[:-1])) if strategy is not None else None


def branch_command(run: Exploration, leaf: int, *, json: bool = True) -> list[str] | None:
    found = branch_strategy(run, leaf)
    if found is None:
        return None
    return command(prompt_of(run), found[0], len(run.path(leaf)), ignore_eos=found[1], json=json)


def _head(kind: str, prompt: Prompt) -> dict[str, Any]:
    asked = {"text": prompt.text, "ids": list(prompt.ids), "typed": prompt.typed}
    return {"format": FORMAT, "kind": kind, "model": prompt.model, "prompt": asked}


def _exploration(run: Exploration) -> dict[str, Any]:
    tokens = []
    for index, node in enumerate(run.nodes[1:], start=1):
        step = node.step
        tokens.append(
            {
                "index": index,
                "parent": node.parent,
                "id": node.id,
                "text": node.label,
                "bytes": node.data.hex(),
                "logprob": node.logprob if isfinite(node.logprob) else None,
                "how": node.how,
                "ends": node.ends,
                "strategy": _strategy(node.strategy) if node.strategy else None,
                "draw": step.draw if step and step.id == node.id else None,
                "entropy": step.entropy if step else None,
                "top": _candidates(step.top if step else ()),
            }
        )
    branches = [
        {
            "tokens": run.path(leaf),
            "ids": [run.nodes[index].id for index in run.path(leaf)],
            "text": run.text(leaf),
            "logprob": total if isfinite(total := run.logprob(leaf)) else None,
            "command": branch_command(run, leaf),
        }
        for leaf in run.leaves()
    ]
    return {**_head("exploration", prompt_of(run)), "tokens": tokens, "branches": branches, "cursor": run.cursor}


def _beam(run: BeamRun) -> dict[str, Any]:
    steps = [
        {fate: [_beam_candidate(each) for each in getattr(step, fate)] for fate in ("kept", "finished", "pruned")}
        for step in run.steps
    ]
    return {
        **_head("beam", run.prompt),
        "strategy": _strategy(beam_strategy(run)) | {"max_tokens": run.max_tokens},
        "command": command(run.prompt, beam_strategy(run), run.max_tokens),
        "steps": steps,
        "beams": running(run),
        "finished": run.finished,
        "greedy": _text(run.prompt, GREEDY, run.greedy),
        "drawn": _text(run.prompt, DRAWN, run.drawn),
    }


def running(run: BeamRun) -> list[dict[str, Any]]:
    """The result of a search, or what is in the running so far, best first."""
    if run.finished:
        return [
            {
                "ids": list(each.ids),
                "text": each.text,
                "logprob": each.logprob,
                "score": each.score,
                "finished": each.finished,
            }
            for each in run.beams
        ]
    tree = run.tree
    return [
        {
            "ids": [id for id, _, _ in tree.path(index)],
            "text": tree.written(index),
            "logprob": tree.branches[index].total,
            "score": tree.branches[index].score,
            "finished": tree.branches[index].fate == "finished",
        }
        for index in tree.running()
    ]


def _lockstep(run: LockstepRun) -> dict[str, Any]:
    texts = [_text(run.prompt, each, run.column(i)) for i, each in enumerate(run.strategies)]
    return {**_head("lockstep", run.prompt), "texts": texts, "parting": run.parting()}


def _text(prompt: Prompt, strategy: Strategy, steps: Sequence[DecodeStep]) -> dict[str, Any]:
    return {
        "strategy": _strategy(strategy),
        "command": command(prompt, strategy, len(steps)),
        "ids": [step.id for step in steps],
        "text": "".join(step.text for step in steps),
        "logprob": logprob(steps),
        "finished": bool(steps) and steps[-1].finished,
        "tokens": [
            {
                "id": step.id,
                "text": label_of(step),
                "bytes": step.data.hex(),
                "logprob": step.logprob,
                "entropy": step.entropy,
                "draw": step.draw,
                "top": _candidates(step.top),
            }
            for step in steps
        ],
    }


def _strategy(strategy: Strategy) -> dict[str, Any]:
    """A strategy by what it looks at."""
    return {"kind": strategy.kind} | {name: getattr(strategy, name) for name in _SETTINGS[strategy.kind]}


def _candidates(top: Sequence[Candidate]) -> list[dict[str, Any]]:
    names = ("id", "text", "logprob", "kept", "probability")
    # JSON has no infinities: impossible candidates are left out.
    return [{name: getattr(each, name) for name in names} for each in top if isfinite(each.logprob)]


def _beam_candidate(each: BeamCandidate) -> dict[str, Any]:
    names = ("parent", "id", "text", "logprob", "total", "score")
    return {name: getattr(each, name) for name in names} | {"bytes": each.data.hex()}


def poll_command(poll: Poll) -> list[str]:
    """The call that counts the same votes in the same way."""
    words = ["qwtutor", "demo", "assistants"]
    for name, value in poll.given.items():
        words += ["--set", f"{name}={jsonlib.dumps(value, ensure_ascii=False)}"]
    return words


def _poll(poll: Poll) -> dict[str, Any]:
    contest, election = poll.contest, poll.election()
    ratings: dict[str, dict[str, float]] = {"elo": {}, "bradley_terry": {}}
    if election is not None:
        ratings["elo"] = dict(zip(election.names, election.history[-1].tolist(), strict=True))
    if election is not None and election.fit is not None:
        ratings["bradley_terry"] = dict(zip(election.names, election.fit.ratings.tolist(), strict=True))
    shares = {}
    for name, share in (("left_won", contest.left_won()), ("longer_won", contest.longer_won())):
        low, high = share.interval
        shares[name] = {"count": share.count, "of": share.of, "low": low, "high": high}
    rounds = [
        {
            "prompt": each.prompt,
            "left": each.order[0],
            "right": each.order[1],
            "verdict": each.verdict,
            "lengths": list(each.lengths),
            "answers": list(each.answers),
        }
        for each in contest.rounds
    ]
    head = {"format": FORMAT, "kind": "arena", "a": contest.a, "b": contest.b, **poll.given}
    return {**head, "command": poll_command(poll), **ratings, **shares, "rounds": rounds}
