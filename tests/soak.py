"""How often the expensive experiments run: in full under `make soak`, a tenth of it in `make test`."""

import os

SOAK = os.environ.get("QWTUTOR_SOAK") == "1"


def count(full: int) -> int:
    """`full` under QWTUTOR_SOAK=1, else a tenth of it, at least one. Seeds are fixed, so the tenth is always the same."""
    return full if SOAK else max(1, full // 10)
