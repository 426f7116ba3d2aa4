"""A person's decisions on a video, and what follows from them."""
