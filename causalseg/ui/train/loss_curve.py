"""A loss curve as an SVG that takes its colours from the page, so that it is right in the light and in the dark."""

from collections.abc import Sequence

from causalseg.ui.train.process import Point

WIDTH, HEIGHT = 640, 180
_LEFT, _BOTTOM, _TOP, _RIGHT = 44, 26, 10, 8
_TICKS = 3


def svg(points: Sequence[Point], alt: str, axis: str) -> str:
    """One line a member, step by step; nothing before the second step.

    Args:
        points: in the order in which they came.
        alt: what it shows, for who cannot see it.
        axis: what is counted below.
    """
    if len(points) < 2:
        return ""
    last = max(point.step for point in points)
    low, high = min(point.loss for point in points), max(point.loss for point in points)
    high = high if high > low else low + 1
    lines = "".join(
        f'<polyline class="member-{member % 3}" points="{_path(points, member, last, low, high)}"/>'
        for member in sorted({point.member for point in points})
    )
    return (
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{alt}">'
        f"{_grid(low, high)}{lines}"
        f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{axis} {last}</text>'
        f'<text x="{_LEFT}" y="{HEIGHT - 6}">1</text></svg>'
    )


def _path(points: Sequence[Point], member: int, last: int, low: float, high: float) -> str:
    mine = [point for point in points if point.member == member]
    return " ".join(f"{_x(point.step, last):.1f},{_y(point.loss, low, high):.1f}" for point in mine)


def _grid(low: float, high: float) -> str:
    values = [low + (high - low) * tick / (_TICKS - 1) for tick in range(_TICKS)]
    return "".join(
        f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{_y(value, low, high):.1f}" y2="{_y(value, low, high):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{_y(value, low, high) + 4:.1f}" text-anchor="end">{value:.2f}</text>'
        for value in values
    )


def _x(step: int, last: int) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (step - 1) / max(last - 1, 1)


def _y(loss: float, low: float, high: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (high - loss) / (high - low)
