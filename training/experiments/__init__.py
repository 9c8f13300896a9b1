"""Experiments; nothing that makes a checkpoint imports them."""
