"""The command line, ``relook``."""
