"""Large images: the grid of tiles, objects joined across seams, windows and overviews."""
