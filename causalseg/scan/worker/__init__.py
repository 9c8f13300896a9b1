"""Decoders in a process that can be killed: `pool` is our side, `process` the other, `messages` what they say."""
