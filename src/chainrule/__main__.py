"""``python -m chainrule`` is ``chainrule``."""

from chainrule.cli.main import main

if __name__ == "__main__":
    main()
