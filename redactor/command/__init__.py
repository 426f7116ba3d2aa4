"""The command line's options, exit codes, and the run of one command."""
