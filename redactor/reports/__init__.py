"""Output for people: progress, summaries and contact sheets."""
