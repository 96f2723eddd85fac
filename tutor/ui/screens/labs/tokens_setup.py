"""How the tokenizer lab stands: what it is opened with, what is kept of it, samples to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tutor.domain.errors import UsageError
from tutor.domain.language import Text
from tutor.domain.plaintext import visible
from tutor.runtime import tokenizers
from tutor.ui.draw.cuts import CHARACTERS, ZOOMS

# The same in both languages, in the project's own words; a rare character, an emoji of several, code.
SAMPLES = (
    Text(
        "模型看不见文字，只看见词元的编号。同一句话换一种语言，词元的个数就不同。",
        "A model sees no letters, only the numbers of tokens. In another language the same sentence takes another count of them.",
    ),
    Text(
        "「龘」这个字很少见，👩‍💻 由三个字符拼成：词元常在字的中间断开。",
        "龘 is a rare character, and 👩‍💻 is put together from three: tokens often break inside one.",
    ),
    Text(
        'def 问好(名字):\n    return f"你好，{名字}！"  # <|im_start|> 在这里只是文字',
        'def greet(name):\n    return f"Hello, {name}!"  # <|im_start|> is only text here',
    ),
)


@dataclass(slots=True)
class Setup:
    """`other` is the same text in another language, compared with where `comparing`; `file` the name of what is open."""

    text: str = ""
    other: str = ""
    comparing: bool = False
    special: bool = False
    tokenizer: str = "cl100k_base"
    tokenizers: tuple[str, ...] = tokenizers.NAMES
    zoom: str = CHARACTERS
    file: str = ""

    def data(self) -> dict[str, Any]:
        return asdict(self)

    def take(self, data: Mapping[str, Any]) -> None:
        """What was asked for, or kept. Raises NotFound, UsageError; what stands before the mistake is taken."""
        self.text = str(data.get("text") or "")
        self.other = str(data.get("other") or "")
        self.comparing = bool(data.get("comparing", self.other))
        self.special = bool(data.get("special"))
        self.file = str(data.get("file") or "")
        names = tuple(dict.fromkeys(map(str, data.get("tokenizers") or tokenizers.NAMES)))
        for name in names:
            tokenizers.known(name)
        self.tokenizers = names
        wanted = data.get("tokenizer")
        self.tokenizer = wanted if wanted in names else next((name for name in names if name != "model"), names[0])
        zoom = data.get("zoom", self.zoom)
        if zoom not in ZOOMS:
            levels = ", ".join(ZOOMS)
            raise UsageError("zoom must be one of {levels}, not {found}.", levels=levels, found=visible(str(zoom)))
        self.zoom = zoom
