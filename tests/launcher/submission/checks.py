"""What the scripts of this folder share."""

import sys


def check(name, condition, shown=None):
    """Ends the script with one line when the condition does not hold."""
    if not condition:
        sys.exit(f"FAILED: {name}: {shown}")
    print(f"ok: {name}")
