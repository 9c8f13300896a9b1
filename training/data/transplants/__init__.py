"""Transplants: real artefacts lifted out of labelled scans and laid on scans labelled free of them.

The free scan is the true counterfactual and the artefact is real. Nothing of a scan is kept in the project.
"""

from training.data.transplants.bank import TransplantBank
from training.data.transplants.laying import transplant
from training.data.transplants.lifted import Lifted
from training.data.transplants.lifting import LIFTERS, lift

__all__ = ["LIFTERS", "Lifted", "TransplantBank", "lift", "transplant"]
