"""`python -m omconf`."""

from omconf.cli import main

if __name__ == "__main__":
    main()
