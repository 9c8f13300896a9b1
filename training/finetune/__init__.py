"""Learning from corrected masks: features made once, a few seconds of heads, a check against the parent, a version.

What is where:
    corrections.py      what people corrected and said, from a label store; what does not fit its scan is refused
    features.py         scans -> what the frozen tower makes of them, under a removal or none, at 8 bits
    augmented_views.py  corrections seen as they are, mirrored, brighter and darker; observed and adjusted
    replay.py           features of training scans, shipped with a checkpoint so that it forgets nothing
    learn.py            members, each learning without a part of the corrections; the version is their mean
    scores.py           parent and version on corrections held back, on replay, on simulated confounders; the verdict
    run.py              all of it in order
    publish.py          a version in the manifest, and on the Hub with a model card
    cli.py              the commands

What N corrections bring is measured in training/experiments/simulated_*.py. Nothing here needs more than
requirements.txt.
"""
