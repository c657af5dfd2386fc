"""Formulas: a short notation to MathML, which browsers draw and read aloud by themselves.

``x_i^t`` has both scripts, ``{...}`` is one thing, ``{a}//{b}`` a fraction, ``√{a}`` a root and
``"words"`` are words. Names of one letter are variables, longer ones functions. A formula that is
wider than a phone has its lines divided by ``\\n``; braces end on the line that they begin on.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

_TOKEN = re.compile(r'\s+|"[^"]*"|//|[^\W\d_]+|\d+(?:\.\d+)?|.')
_OPENING, _CLOSING = "([", ")]"


def formula(text: str) -> str:
    """One formula of the notation as a MathML block.

    Raises:
        ValueError: for a brace that is not closed on its line, or a script of nothing.
    """
    first, *others = (_line(one) for one in text.split("\n"))
    body = f"<mrow>{first}</mrow>"
    if others:
        cells = [body, *(f'<mrow><mspace width="1.5em"/>{one}</mrow>' for one in others)]
        rows = "".join(f"<mtr><mtd>{cell}</mtd></mtr>" for cell in cells)
        body = f'<mtable displaystyle="true" columnalign="left">{rows}</mtable>'
    label = html.escape(" ".join(text.replace('"', "").split()))
    return f'<math display="block" aria-label="{label}">{body}</math>'


def _line(text: str) -> str:
    """Content of one line."""
    tokens = [token for token in _TOKEN.findall(text) if not token.isspace()]
    return _Parser(iter([*tokens, ""])).row("")


class _Parser:
    """Reads tokens one by one; `self.token` is the next one."""

    def __init__(self, tokens: Iterator[str]) -> None:
        self._tokens = tokens
        self.token = next(tokens)

    def row(self, end: str) -> str:
        """Everything up to `end`."""
        parts = []
        while self.token != end:
            if not self.token:
                raise ValueError(f"a formula ended where {end!r} was to come")
            parts.append(self._fraction())
        self._next()
        return "".join(parts)

    def _next(self) -> str:
        token, self.token = self.token, next(self._tokens, "")
        return token

    def _fraction(self) -> str:
        above = self._scripted()
        if self.token != "//":
            return above
        self._next()
        return f"<mfrac>{above}{self._scripted()}</mfrac>"

    def _scripted(self) -> str:
        base, scripts = self._atom(), {}
        while self.token in ("_", "^"):
            sign = self._next()
            scripts[sign] = self._atom()
        below, above = scripts.get("_"), scripts.get("^")
        if below and above:
            return f"<msubsup>{base}{below}{above}</msubsup>"
        if below:
            return f"<msub>{base}{below}</msub>"
        return f"<msup>{base}{above}</msup>" if above else base

    def _atom(self) -> str:
        token = self._next()
        if token in ("", "_", "^", "}", "//"):
            raise ValueError(f"{token!r} where something was to come")
        if token == "{":
            return f"<mrow>{self.row('}')}</mrow>"
        if token == "√":
            return f"<msqrt>{self._atom()}</msqrt>"
        if token[0] == '"':
            words = html.escape(token[1:-1]).replace(" ", "\N{NO-BREAK SPACE}")
            return f"<mtext>{words}</mtext>"
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{html.escape(token)}</mi>"
        stretchy = ' stretchy="false"' if token in _OPENING + _CLOSING else ""
        sign = "−" if token == "-" else html.escape(token)
        return f"<mo{stretchy}>{sign}</mo>"
