"""Inputs brought to this machine."""
