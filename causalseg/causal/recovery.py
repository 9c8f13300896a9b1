"""What a switch's measured recovery is worth: limits that the tables, the README and the page share.

Damage is the Dice that a confounder takes in simulated twins; recovery, the share of it that its switch gets back.
"""

from typing import Literal

LEAST_DAMAGE = 0.03
"""Of Dice, from which recovery is scored: below it the true counterfactual is "no change"."""
RELIABLE_FROM = 0.5
PARTLY_FROM = 0.3

Worth = Literal["reliable", "partly reliable", "unreliable"]


def worth(recovery: float) -> Worth:
    """The word for a switch that recovers this share."""
    if recovery >= RELIABLE_FROM:
        return "reliable"
    return "partly reliable" if recovery >= PARTLY_FROM else "unreliable"
