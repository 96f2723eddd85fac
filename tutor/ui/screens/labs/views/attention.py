"""Attention: how much each token of the sentence looks at each before it."""

from __future__ import annotations

from tutor.domain.language import both
from tutor.ui.screens.labs.views.base import View


class AttentionView(View):
    NAME = "attention"
    TITLE = both("Attention")
