"""This machine: processes, ports, signals, certificates, temporary files."""
