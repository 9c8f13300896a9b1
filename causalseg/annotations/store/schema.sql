-- The label store, version 2. PRAGMA user_version says which version a file has; migrate_1_to_2.sql leads here.
--
-- Labels, reviews, statements and events are added, never changed and never removed; triggers hold everybody to it.
-- The one way out is a purge, which opens the table "purging" inside its own transaction.

CREATE TABLE facts (
    name  TEXT PRIMARY KEY,             -- 'salt'
    value TEXT NOT NULL
);

CREATE TABLE purging (of_what TEXT NOT NULL);  -- empty, except inside a purge

CREATE TABLE patients (
    patient_key TEXT PRIMARY KEY,       -- salted hash; never a name
    split       TEXT NOT NULL CHECK (split IN ('train', 'val', 'test'))
);

CREATE TABLE scans (
    sha256            TEXT PRIMARY KEY,  -- of the file that was opened; the file itself is not kept
    height_px         INTEGER NOT NULL,
    width_px          INTEGER NOT NULL,
    format            TEXT NOT NULL,
    modality          TEXT,
    row_spacing_mm    REAL,
    column_spacing_mm REAL,
    count             INTEGER NOT NULL,
    axis              TEXT NOT NULL,
    patient_key       TEXT NOT NULL REFERENCES patients (patient_key),
    split             TEXT NOT NULL CHECK (split IN ('train', 'val', 'test')),
    source            TEXT,              -- path on this machine, only where it was asked for
    added_at          TEXT NOT NULL,     -- ISO 8601, UTC, as every time here
    deleted_at        TEXT
);

CREATE TABLE items (                     -- one picture of a scan: a slice, a frame, a page
    id           INTEGER PRIMARY KEY,
    scan_sha256  TEXT NOT NULL REFERENCES scans (sha256),
    "index"      INTEGER NOT NULL CHECK ("index" >= 0),
    image_sha256 TEXT NOT NULL,          -- of the PNG of the picture as it was added
    changed_at   TEXT NOT NULL,
    UNIQUE (scan_sha256, "index")
);
CREATE INDEX items_by_change ON items (changed_at);

CREATE TABLE pictures (                  -- spares encoding a picture that is there already
    pixels_sha256 TEXT PRIMARY KEY,      -- of the bare pixels
    image_sha256  TEXT NOT NULL          -- of their PNG
);

CREATE TABLE thumbnails (
    scan_sha256 TEXT NOT NULL,
    "index"     INTEGER NOT NULL,
    jpeg        BLOB NOT NULL,
    PRIMARY KEY (scan_sha256, "index"),
    FOREIGN KEY (scan_sha256, "index") REFERENCES items (scan_sha256, "index")
);

CREATE TABLE revisions (
    scan_sha256      TEXT NOT NULL,
    "index"          INTEGER NOT NULL,
    person           TEXT NOT NULL,
    number           INTEGER NOT NULL CHECK (number >= 1),  -- 1, 2, 3... of one person on one picture
    description      TEXT NOT NULL,
    removed          TEXT NOT NULL,      -- ids of the confounders switched off, a JSON list
    model            TEXT NOT NULL,
    image_sha256     TEXT NOT NULL,      -- of the PNG of the picture that the person saw
    mask_sha256      TEXT NOT NULL,      -- of the PNG of the mask
    parent_sha256    TEXT,               -- of the mask that this one corrects
    dice_to_proposed REAL,
    seconds_spent    REAL NOT NULL,
    finished         INTEGER NOT NULL CHECK (finished IN (0, 1)),
    saved_at         TEXT NOT NULL,
    PRIMARY KEY (scan_sha256, "index", person, number),
    FOREIGN KEY (scan_sha256, "index") REFERENCES items (scan_sha256, "index")
);

CREATE TABLE deletions (                 -- a revision named here is hidden; its number is never given again
    scan_sha256 TEXT NOT NULL,
    "index"     INTEGER NOT NULL,
    person      TEXT NOT NULL,
    number      INTEGER NOT NULL,
    deleted_by  TEXT NOT NULL,
    deleted_at  TEXT NOT NULL,
    PRIMARY KEY (scan_sha256, "index", person, number)
);

CREATE VIEW labels AS                    -- the revisions that are not deleted
SELECT revisions.rowid AS arrival, revisions.* FROM revisions
WHERE NOT EXISTS (
    SELECT 1 FROM deletions
    WHERE deletions.scan_sha256 = revisions.scan_sha256 AND deletions."index" = revisions."index"
      AND deletions.person = revisions.person AND deletions.number = revisions.number
);

CREATE TABLE drafts (
    scan_sha256   TEXT NOT NULL,
    "index"       INTEGER NOT NULL,
    person        TEXT NOT NULL,
    description   TEXT NOT NULL,
    removed       TEXT NOT NULL,
    model         TEXT NOT NULL,
    image_sha256  TEXT NOT NULL,
    parent_sha256 TEXT,
    seconds_spent REAL NOT NULL,
    kept_at       TEXT NOT NULL,
    mask_png      BLOB NOT NULL,
    proposed_png  BLOB,
    PRIMARY KEY (scan_sha256, "index", person, description),
    FOREIGN KEY (scan_sha256, "index") REFERENCES items (scan_sha256, "index")
);

CREATE TABLE flags (
    scan_sha256 TEXT NOT NULL,
    "index"     INTEGER NOT NULL,
    person      TEXT NOT NULL,
    note        TEXT NOT NULL,
    flagged_at  TEXT NOT NULL,
    PRIMARY KEY (scan_sha256, "index", person),
    FOREIGN KEY (scan_sha256, "index") REFERENCES items (scan_sha256, "index")
);

CREATE TABLE reviews (
    scan_sha256 TEXT NOT NULL,
    "index"     INTEGER NOT NULL,
    person      TEXT NOT NULL,
    number      INTEGER NOT NULL,
    reviewer    TEXT NOT NULL,
    verdict     TEXT NOT NULL CHECK (verdict IN ('approved', 'sent_back')),
    note        TEXT NOT NULL,
    reviewed_at TEXT NOT NULL,
    FOREIGN KEY (scan_sha256, "index", person, number) REFERENCES revisions (scan_sha256, "index", person, number)
);
CREATE INDEX reviews_by_revision ON reviews (scan_sha256, "index", person, number);

CREATE TABLE work (                      -- how far each person is; follows from the tables above, see work_state.py
    scan_sha256 TEXT NOT NULL,
    "index"     INTEGER NOT NULL,
    person      TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('in_progress', 'done', 'flagged', 'approved', 'sent_back')),
    note        TEXT NOT NULL,
    changed_at  TEXT NOT NULL,
    PRIMARY KEY (scan_sha256, "index", person),
    FOREIGN KEY (scan_sha256, "index") REFERENCES items (scan_sha256, "index")
) WITHOUT ROWID;
CREATE INDEX work_by_state ON work (state, person);

CREATE TABLE statements (
    scan_sha256 TEXT NOT NULL,
    "index"     INTEGER NOT NULL,
    person      TEXT NOT NULL,
    confounder  TEXT NOT NULL,
    number      INTEGER NOT NULL CHECK (number >= 1),
    present     INTEGER CHECK (present IN (0, 1)),  -- NULL: taken back
    revision    INTEGER NOT NULL,        -- the person's newest mask when it was said; 0 before the first
    said_at     TEXT NOT NULL,
    PRIMARY KEY (scan_sha256, "index", person, confounder, number),
    FOREIGN KEY (scan_sha256, "index") REFERENCES items (scan_sha256, "index")
);

CREATE TABLE signals (                   -- what a model makes of a picture, for the queue
    scan_sha256  TEXT NOT NULL,
    "index"      INTEGER NOT NULL,
    model        TEXT NOT NULL,
    uncertainty  REAL NOT NULL,
    disagreement REAL NOT NULL,
    embedding    BLOB NOT NULL,          -- float32, little-endian
    written_at   TEXT NOT NULL,
    PRIMARY KEY (scan_sha256, "index"),
    FOREIGN KEY (scan_sha256, "index") REFERENCES items (scan_sha256, "index")
);

CREATE TABLE turns (                     -- what the queue gave to whom, and what was put back
    scan_sha256 TEXT NOT NULL,
    "index"     INTEGER NOT NULL,
    person      TEXT NOT NULL,
    served_at   TEXT,
    skipped_at  TEXT,
    PRIMARY KEY (scan_sha256, "index", person),
    FOREIGN KEY (scan_sha256, "index") REFERENCES items (scan_sha256, "index")
) WITHOUT ROWID;

CREATE TABLE events (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    at          TEXT NOT NULL,
    person      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    scan_sha256 TEXT,
    "index"     INTEGER,
    detail      TEXT NOT NULL            -- a JSON object of numbers and ids, nothing of what a scan shows
);
CREATE INDEX events_by_scan ON events (scan_sha256);
CREATE INDEX events_by_kind ON events (kind, person);

CREATE TRIGGER revisions_do_not_change BEFORE UPDATE ON revisions
BEGIN SELECT RAISE(ABORT, 'a revision never changes'); END;

CREATE TRIGGER revisions_do_not_go BEFORE DELETE ON revisions WHEN NOT EXISTS (SELECT 1 FROM purging)
BEGIN SELECT RAISE(ABORT, 'a revision never goes without a purge'); END;

CREATE TRIGGER deletions_do_not_change BEFORE UPDATE ON deletions
BEGIN SELECT RAISE(ABORT, 'a deletion never changes'); END;

CREATE TRIGGER deletions_do_not_go BEFORE DELETE ON deletions WHEN NOT EXISTS (SELECT 1 FROM purging)
BEGIN SELECT RAISE(ABORT, 'a deletion never goes without a purge'); END;

CREATE TRIGGER reviews_do_not_change BEFORE UPDATE ON reviews
BEGIN SELECT RAISE(ABORT, 'a review never changes'); END;

CREATE TRIGGER reviews_do_not_go BEFORE DELETE ON reviews WHEN NOT EXISTS (SELECT 1 FROM purging)
BEGIN SELECT RAISE(ABORT, 'a review never goes without a purge'); END;

CREATE TRIGGER statements_do_not_change BEFORE UPDATE ON statements
BEGIN SELECT RAISE(ABORT, 'a statement never changes'); END;

CREATE TRIGGER statements_do_not_go BEFORE DELETE ON statements WHEN NOT EXISTS (SELECT 1 FROM purging)
BEGIN SELECT RAISE(ABORT, 'a statement never goes without a purge'); END;

CREATE TRIGGER events_do_not_change BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'an event never changes'); END;

CREATE TRIGGER events_do_not_go BEFORE DELETE ON events WHEN NOT EXISTS (SELECT 1 FROM purging)
BEGIN SELECT RAISE(ABORT, 'an event never goes without a purge'); END;

CREATE TRIGGER split_of_a_patient_is_for_ever BEFORE UPDATE ON patients
BEGIN SELECT RAISE(ABORT, 'a patient is never drawn again'); END;

CREATE TRIGGER split_of_a_scan_is_for_ever BEFORE UPDATE OF sha256, split ON scans
BEGIN SELECT RAISE(ABORT, 'the split of a scan is for ever'); END;

CREATE TRIGGER salt_is_for_ever BEFORE UPDATE ON facts
BEGIN SELECT RAISE(ABORT, 'the salt is for ever'); END;

CREATE TRIGGER salt_does_not_go BEFORE DELETE ON facts
BEGIN SELECT RAISE(ABORT, 'the salt is for ever'); END;
