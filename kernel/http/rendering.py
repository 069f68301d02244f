"""Rendering of responses: JSON, whatever `Accept` says, with times in their one form."""

from datetime import datetime
from typing import Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.utils import encoders

from kernel import clock


class Encoder(encoders.JSONEncoder):
    """DRF's, with times as Note [One form of times] in kernel/clock.py has them."""

    def default(self, obj: Any) -> Any:
        """Return what the encoder can write in place of `obj`."""
        return clock.as_text(obj) if isinstance(obj, datetime) else super().default(obj)


class Renderer(JSONRenderer):
    """JSON in its shortest form."""

    encoder_class = Encoder


class Negotiation(DefaultContentNegotiation):
    """Choose a renderer by `Accept`, and the first one where that names none.

    An API that speaks one form has nothing to refuse: an empty or odd `Accept` gets JSON too.
    """

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return a renderer and its media type."""
        if len(renderers) > 1:
            try:
                found: tuple[BaseRenderer, str] = super().select_renderer(
                    request, renderers, format_suffix
                )
            except NotAcceptable:
                pass
            else:
                return found
        return renderers[0], renderers[0].media_type
