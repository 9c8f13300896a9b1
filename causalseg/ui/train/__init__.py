"""The Train page and the process that fine-tunes."""
