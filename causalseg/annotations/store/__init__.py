"""The label store: one SQLite file, and PNG files named by what is in them.

label_store      labels, the door to everything else       drafts         masks in the making
database         one SQLite file, schema.sql                work_state     how far each person is with each picture
content_files    files named by their sha256                event_log      who did what, when
encoded_picture  PNG and thumbnail of a picture             statistics     the store in numbers
scans            scans and pictures entering the store      deletion       delete, and purge for ever
patient_split    train, val or test, by patient             backup         a whole copy
"""

from causalseg.annotations.store.label_store import LabelStore, dice

__all__ = ["LabelStore", "dice"]
