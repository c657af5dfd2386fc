"""RoI cascades, which share functions and heads, and have no base class."""
