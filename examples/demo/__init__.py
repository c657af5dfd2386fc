"""The demonstration: real images, a small model, numbers and pictures in minutes."""
