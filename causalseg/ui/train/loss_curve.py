"""A loss curve as an SVG that takes its colours from the page, so that it is right in the light and in the dark."""

import io
from collections.abc import Sequence
from html import escape

from causalseg.ui.train.process import Point

_SIZE_IN = (8.0, 2.4)
_AXES_COLOUR = "#010203"
"""Stands for the page's own text colour until the drawing is finished."""
_MEMBER_COLOURS = ("#0072b2", "#d55e00", "#009e73")
"""Okabe and Ito's, told apart by colour-blind people, on light and on dark."""


def svg(points: Sequence[Point], alt: str, axis: str) -> str:
    """One line a member, step by step; nothing before the second step.

    Args:
        points: in the order in which they came.
        alt: what it shows, for who cannot see it.
        axis: what is counted below.
    """
    if len(points) < 2:
        return ""
    from matplotlib import rc_context  # here, for the pages start without it
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "causalseg", "text.color": _AXES_COLOUR}):
        figure = Figure(figsize=_SIZE_IN, layout="tight")
        axes = figure.subplots()
        for member in sorted({point.member for point in points}):
            mine = [point for point in points if point.member == member]
            colour = _MEMBER_COLOURS[member % len(_MEMBER_COLOURS)]
            axes.plot([one.step for one in mine], [one.loss for one in mine], color=colour, gid=f"member-{member}")
        axes.set_xlabel(axis, color=_AXES_COLOUR)
        axes.tick_params(colors=_AXES_COLOUR)
        axes.spines[:].set_color(_AXES_COLOUR)
        axes.spines[["top", "right"]].set_visible(False)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    picture = drawn.getvalue().replace(_AXES_COLOUR, "currentColor")
    told = f'<svg class="curve" role="img" aria-label="{escape(alt)}" '
    return picture[picture.index("<svg") :].replace("<svg ", told, 1)
