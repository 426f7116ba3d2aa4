"""The review page's back end for videos on this machine. docs/review-api.md describes its interface."""
