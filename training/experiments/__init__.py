"""Experiments that stand beside the released checkpoint; nothing that makes a checkpoint imports them."""
