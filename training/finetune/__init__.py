"""Learning from corrected masks: features made once, a few seconds of heads, a gate, a version.

What is where:
    material.py    what people corrected and said: from a label store
    encoder.py     pictures -> what the frozen towers make of them, under a removal or none
    features.py    those features at 8 bits, with question and answer: in memory, and in the replay file
    views.py       corrections seen as they are, mirrored, brighter and darker; observed and adjusted
    checks.py      corrections that do not fit their scans are refused before anything is learnt
    learn.py       members, each learning without a part of the corrections; the version is their mean
    scores.py      parent and version on corrections held back, on replay, on simulated confounders
    gate.py        promoted or not, and why
    run.py         all of it in order
    publish.py     a version in the manifest, and on the Hub with a model card
    experiment.py  what N corrections of an unseen site bring
    choosing.py    in which order the queue would give a site's pictures
    whole.py       the whole network, from pictures: what heads alone are compared with
    rounds.py      many fine-tunings in a row
    poison.py      corrections that are wrong in one way: refused or stopped
    cli.py         the commands
"""
