"""The planted shortcut: calipers stand at the lesion in nine of ten training scans, and mislead in the test.

marks   where calipers are drawn: at the lesion's ends, or where there is no lesion
learn   the plain and the augmented segmenter, and causalseg on top of a plain one: the mark is taken off the picture
score   aligned, absent and misleading tests, the worst of them, the gap, and paired gains
cli     `python -m training planted`
"""
