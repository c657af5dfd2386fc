"""Pictures to look at: objects over images, sheets of them, and training batches."""
