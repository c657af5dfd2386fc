"""Reading of YAML texts, which people hand to each other: bounded, and with one kind of error.

PyYAML's safe loader runs no code. It raises errors of many kinds for values that it cannot make,
such as the 99th day of a month, and a text of a few hundred bytes can stand for any number of
values by aliases of aliases.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

LONGEST: Final = 2**18  # characters; a resolved configuration has about 5000
MOST_VALUES: Final = 20_000  # values and keys, those of aliases counted each time
_SHOWN: Final = 300  # characters of a reason


class BadYaml(ValueError):
    """A text that is no YAML, or stands for values that cannot be made; says why in one line."""


def load_yaml(text: str) -> Any:
    """The value of a YAML text: dictionaries, lists, texts, numbers, truth values, dates, None.

    Raises:
        BadYaml: it is not YAML, is too long, names a key twice, has a value that cannot be made,
            or contains itself.
    """
    if len(text) > LONGEST:
        raise BadYaml(f"it has more than {LONGEST:,} characters")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node)
        return loader.construct_document(node)
    except RecursionError:
        raise BadYaml("it is nested too deeply, or contains itself") from None
    except BadYaml:
        raise
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise BadYaml(_reason(error)) from None


class _Loader(yaml.SafeLoader):
    """The safe loader, which names the value that cannot be made."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            if isinstance(error, BadYaml) or not isinstance(node, yaml.ScalarNode):
                raise
            kind = node.tag.rpartition(":")[2]
            raise BadYaml(
                f"line {node.start_mark.line + 1}: {node.value[:40]!r} cannot be read as {kind}"
            ) from None


def _check(root: yaml.Node) -> None:
    """Refuse a key that a mapping has twice, and more values than `MOST_VALUES`."""
    count = 0
    pending = [root]
    while pending:
        node = pending.pop()
        count += 1
        if count > MOST_VALUES:
            raise BadYaml(f"it stands for more than {MOST_VALUES:,} values")
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise BadYaml(f"the key {twice[:40]!r} is there twice")
            pending.extend(part for pair in node.value for part in pair)
        elif isinstance(node, yaml.SequenceNode):
            pending.extend(node.value)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
