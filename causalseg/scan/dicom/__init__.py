"""DICOM files, and series of them, -> `Scan`: pixels, header, values, the order of slices."""
