"""``python -m smooth_operator_server`` is the command ``smooth-operator-server``."""

from .cli import main

if __name__ == "__main__":
    main()
