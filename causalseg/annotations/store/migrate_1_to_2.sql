-- A store of version 1 (causalseg 0.1) becomes one of version 2. Runs between two halves in database.py: before it
-- the old tables were renamed to v1_*, and schema.sql made the new ones. causalseg_patient_key() and
-- causalseg_split() are patient_split.py's; version 1 knew no patients, so that every scan is a patient of its own.

INSERT INTO patients (patient_key, split)
SELECT causalseg_patient_key(sha256), causalseg_split(causalseg_patient_key(sha256)) FROM v1_scans;

INSERT INTO scans (sha256, height_px, width_px, format, modality, row_spacing_mm, column_spacing_mm, count, axis,
                   patient_key, split, source, added_at, deleted_at)
SELECT sha256, height_px, width_px, format, modality, row_spacing_mm, column_spacing_mm, 1, 'page',
       causalseg_patient_key(sha256), causalseg_split(causalseg_patient_key(sha256)), NULL,
       COALESCE((SELECT MIN(saved_at) FROM v1_revisions WHERE scan_sha256 = sha256), causalseg_now()), NULL
FROM v1_scans ORDER BY rowid;

INSERT INTO items (scan_sha256, "index", image_sha256, changed_at)
SELECT scan_sha256, 0, image_sha256, MAX(saved_at)  -- SQLite gives the image of the row with that maximum
FROM v1_revisions GROUP BY scan_sha256 ORDER BY MIN(rowid);

INSERT INTO revisions (scan_sha256, "index", person, number, description, removed, model, image_sha256, mask_sha256,
                       parent_sha256, dice_to_proposed, seconds_spent, finished, saved_at)
SELECT scan_sha256, 0, person, number, description, removed, model, image_sha256, mask_sha256,
       parent_sha256, dice_to_proposed, seconds_spent, 1, saved_at
FROM v1_revisions ORDER BY rowid;

INSERT INTO work (scan_sha256, "index", person, state, note, changed_at)
SELECT scan_sha256, 0, person, 'done', '', MAX(saved_at) FROM v1_revisions GROUP BY scan_sha256, person;

INSERT INTO events (at, person, kind, scan_sha256, "index", detail)
SELECT saved_at, person, 'saved', scan_sha256, 0, json_object('number', number) FROM v1_revisions ORDER BY rowid;

DROP TABLE v1_revisions;
DROP TABLE v1_scans;
