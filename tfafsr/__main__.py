"""`python -m tfafsr` is the command line, which stands in `experiments.cli`."""

from experiments.cli.main import main

if __name__ == "__main__":
    main()
