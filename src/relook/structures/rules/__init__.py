"""The switches of a model: each rule is a leaf of the configuration and the argument of a module.

A rule is a frozen dataclass with the meaning and the bounds of its fields; its `words` describe its
values. It imports neither PyTorch nor the configuration, so that both may import it. Bounds are
checked where a rule enters a configuration; fields that depend on each other are checked where a
rule is made.
"""
