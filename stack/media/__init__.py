"""The media service: the account that clients see, and the two engines that can stand behind it."""
