"""Tables of a checkpoint: masks, text, switches, speed, and the reports that they are written to."""
