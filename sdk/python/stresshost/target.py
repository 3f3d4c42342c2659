"""What `sql` and `redis` have in common: options, and URLs as messages show them."""

Option = str | int | bool


def options(given: dict[str, Option]) -> list[tuple[str, str]]:
    """Options as the contract names and writes them: ``read_only=True`` is ``read-only`` with ``true``."""
    return [(name.replace("_", "-"), _written(value)) for name, value in given.items()]


def _written(value: Option) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(url: str) -> str:
    """A URL without user, password and query."""
    place = url.partition("?")[0]
    scheme, separator, rest = place.partition("://")
    return place if scheme == "sqlite" or not separator else f"{scheme}://{rest.rpartition('@')[2]}"
