"""Stands in for `python -m training finetune`: says its lines and waits, as its first argument tells."""

import sys
import time

LINES = (
    '{"kind": "progress", "done": 0, "total": 12}',
    "a line of somebody else's",
    '{"kind": "progress", "done": 2, "total": 12}',
    '{"kind": "step", "member": 0, "step": 1, "loss": 0.9}',
    '{"kind": "step", "member": 0, "step": 2, "loss": 0.7}',
)


def main(how: str) -> int:
    for line in LINES:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    if how == "refuse":
        sys.stderr.write("a warning of a library\nThere are 2 approved corrections.\n")
        return 2
    if how == "break":
        return 1 // 0
    if how == "wait":
        time.sleep(600)
    sys.stdout.write('{"kind": "made", "version": "one", "passed": true}\n')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
