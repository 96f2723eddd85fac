"""How often the expensive experiments run: in full under `make soak`, a tenth of it in `make test`."""

import os


def count(full: int) -> int:
    """`full` under QWTUTOR_SOAK=1, else a tenth of it, at least one. Seeds are fixed, so the tenth is always the same."""
    return full if os.environ.get("QWTUTOR_SOAK") == "1" else max(1, full // 10)
