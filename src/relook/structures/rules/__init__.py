"""The switches of a model: each rule is a leaf of the configuration and the argument of a module.

A rule is a frozen dataclass that says what each of its fields means, within which bounds it lies,
and, as `words`, what its values mean to a reader. It knows neither PyTorch nor the configuration,
so that both may know it. Bounds are checked where a rule enters a configuration; fields that only
fit together are checked wherever one is made.
"""
