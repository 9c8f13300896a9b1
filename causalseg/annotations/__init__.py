"""What people drew, who drew it, and on what; docs/store.md tells it with examples.

types      the rows                            store      labels, the door to everything else
database   one SQLite file, schema.sql         drafts     masks in the making
files      content-addressed pictures, masks   work       how far everybody is (standing: how that follows)
registry   scans entering, with their split    review     approve, send back    agreement   between readers
split      by patient, for ever                statements confounders, as people see them
events     the provenance log                  queue      who gets what next    signals     what a model makes of it
learnable  what may be learnt from, and how much
folder     a folder comes in                   search     lists                 statistics  numbers
deletion   delete and purge                    backup     a whole copy          export      masks going out
"""

from causalseg.annotations.export import mask_from_png, mask_to_png
from causalseg.annotations.registry import Facts
from causalseg.annotations.store import LabelStore, dice
from causalseg.annotations.types import Revision, StoredScan

__all__ = ["Facts", "LabelStore", "Revision", "StoredScan", "dice", "mask_from_png", "mask_to_png"]
