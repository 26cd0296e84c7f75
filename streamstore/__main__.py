"""`python -m streamstore` is the `streamstore` command."""

from __future__ import annotations

from .cli.main import main

if __name__ == "__main__":
    main()
