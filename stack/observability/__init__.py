"""Logs, metrics, alerts and dashboards."""
