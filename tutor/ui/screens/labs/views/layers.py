"""Layers (the logit lens): what the model would say after each layer."""

from __future__ import annotations

from tutor.domain.language import both
from tutor.ui.screens.labs.views.base import View


class LayersView(View):
    NAME = "layers"
    TITLE = both("Layers")
