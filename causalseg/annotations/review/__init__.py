"""A second pair of eyes, and what may be learnt from afterwards.

verdicts                approve a mask, or send it back
reader_agreement        how well two people agree on a picture
confounder_statements   what people say of confounders
approved_for_training   what fine-tuning may learn from, and whether it is enough
"""

from causalseg.annotations.review.verdicts import approve, approved, of, send_back

__all__ = ["approve", "approved", "of", "send_back"]
