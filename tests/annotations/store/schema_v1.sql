-- The label store. Rows are added, never changed and never removed; the triggers hold everybody to it.
-- PRAGMA user_version says which of these schemas a file has.

CREATE TABLE IF NOT EXISTS scans (
    sha256            TEXT PRIMARY KEY,  -- of the file that was opened; the file itself is not kept
    height_px         INTEGER NOT NULL,
    width_px          INTEGER NOT NULL,
    format            TEXT NOT NULL,
    modality          TEXT,
    row_spacing_mm    REAL,
    column_spacing_mm REAL
);

CREATE TABLE IF NOT EXISTS revisions (
    scan_sha256      TEXT NOT NULL REFERENCES scans (sha256),
    person           TEXT NOT NULL,
    number           INTEGER NOT NULL CHECK (number >= 1),  -- 1, 2, 3... of one person on one scan
    description      TEXT NOT NULL,
    removed          TEXT NOT NULL,      -- ids of the confounders switched off, a JSON list
    model            TEXT NOT NULL,
    image_sha256     TEXT NOT NULL,      -- of the PNG of the picture that the person saw
    mask_sha256      TEXT NOT NULL,      -- of the PNG of the mask
    parent_sha256    TEXT,               -- of the mask that this one corrects
    dice_to_proposed REAL,
    seconds_spent    REAL NOT NULL,
    saved_at         TEXT NOT NULL,      -- ISO 8601, UTC
    PRIMARY KEY (scan_sha256, person, number)
);

CREATE TRIGGER IF NOT EXISTS revisions_do_not_change BEFORE UPDATE ON revisions
BEGIN SELECT RAISE(ABORT, 'a revision never changes'); END;

CREATE TRIGGER IF NOT EXISTS revisions_do_not_go BEFORE DELETE ON revisions
BEGIN SELECT RAISE(ABORT, 'a revision never goes'); END;
