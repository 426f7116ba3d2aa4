"""The errors that end a command with one line."""


class UsageError(Exception):
    """A request that cannot be carried out: names the thing, its value and what is allowed."""


class OperationError(Exception):
    """A failure of the deployed stack, of Azure or of the connection to them."""
