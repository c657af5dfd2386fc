"""A box head of your own: from the features of a RoI to its class and its box."""

from __future__ import annotations

from torch import Tensor, nn


class NewPart(nn.Module):
    """One hidden layer on the mean of the features.

    Args:
        channels: Channels C of the features.
        num_classes: Classes K of objects, without background.
        hidden: Width that the configuration asks for.
        dropout: Share that is left out in training. It is yours: ``args: {dropout: 0.2}``.
    """

    def __init__(self, channels: int, num_classes: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, hidden)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(hidden, num_classes + 1)
        self.regress = nn.Linear(hidden, 4)

    def forward(self, pooled: Tensor, shown: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Features (R, C, 7, 7) to class logits (R, K + 1), background last, and deltas (R, 4).

        `shown` are features of a mask (R, C, S, S) in a cascade of kind ``dsc``, else None. R may
        be 0.
        """
        x = self.dropout(self.fc(pooled.mean((2, 3))).relu())
        return self.classify(x), self.regress(x)
