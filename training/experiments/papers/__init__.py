"""The two papers, each trained by its own losses on the shared data, towers, loop and budget."""
