"""What there is to do: which picture a person gets next, the lists of pictures, and what is put aside.

next_scan       the next picture for a person, and why       search    lists: searched, filtered, a page at a time
picture_signals   what a model makes of a picture            flags     a picture that somebody puts aside
"""

from causalseg.annotations.queue.next_scan import (
    CRITERIA,
    STANDARD,
    Policy,
    Turn,
    Why,
    next_scan,
    skip,
    value_of_labelling,
)

__all__ = ["CRITERIA", "STANDARD", "Policy", "Turn", "Why", "next_scan", "skip", "value_of_labelling"]
