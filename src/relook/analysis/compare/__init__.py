"""Two models over the same images: which objects each finds, and whose masks are better."""
