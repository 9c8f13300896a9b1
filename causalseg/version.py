"""The version of this package, as exports and the page record it; a test holds pyproject.toml to the same number."""

VERSION = "0.7.0"
