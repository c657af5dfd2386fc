"""Pictures: objects over images, sheets of them, and training batches."""
