"""What somebody should know of: learned, judged, told once, and told until it is taken."""
