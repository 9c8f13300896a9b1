"""What pydantic has against a record that was read from a file, in a sentence for a person."""

from pydantic import ValidationError


def said_of(error: ValidationError) -> str:
    """Each thing that is wrong, after the key that it is wrong at."""
    return "; ".join(
        f"{'.'.join(map(str, one['loc']))}: {one['msg']}" if one["loc"] else one["msg"] for one in error.errors()
    )
