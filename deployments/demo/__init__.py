"""A sample repository in; the main job, run and explained on a terminal, out."""
