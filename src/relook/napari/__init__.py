"""The plugin of napari: layers in, labels out. Neither napari nor Qt is needed to import relook."""
