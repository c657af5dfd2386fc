"""RoI cascades: siblings that share functions and heads, not a base class."""
