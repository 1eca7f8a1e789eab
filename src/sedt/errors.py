"""The one error that outside input can cause."""


class InputError(ValueError):
    """Something from outside is wrong: a file, a line, a key, a value.

    The message is one line that says what was given, where (file, line, key) and what is allowed.
    The command line prints it and exits with 2.
    """
