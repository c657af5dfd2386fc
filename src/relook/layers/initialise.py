"""Weight initialisation, by the names the papers use. Biases become zero."""

from __future__ import annotations

from torch import nn

Layer = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


def he_init(layer: Layer) -> None:
    """Kaiming normal over the outgoing connections, for layers followed by a ReLU."""
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    _zero_bias(layer)


def he_init_incoming(layer: Layer) -> None:
    """Kaiming normal over the incoming connections, for layers that end in logits.

    The reference counts outgoing connections here too, so that initial logits grow with fewer
    classes: with one class, the mask loss starts at 18 instead of 0.7.
    """
    nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="linear")
    _zero_bias(layer)


def xavier_init(layer: Layer) -> None:
    """Xavier uniform."""
    nn.init.xavier_uniform_(layer.weight)
    _zero_bias(layer)


def normal_init(layer: Layer, std: float) -> None:
    """Normal with standard deviation `std`."""
    nn.init.normal_(layer.weight, std=std)
    _zero_bias(layer)


def constant_init(layer: Layer, bias: float = 0.0) -> None:
    """Weight zero: the layer gives `bias` until training moves it."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, bias)


def _zero_bias(layer: Layer) -> None:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
