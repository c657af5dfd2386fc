"""Names from files reach the terminal as text, whichever way they are written."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

import relook.cli
from relook.cli.terminal import PlainConsole, printable, say

MARK = "\N{REPLACEMENT CHARACTER}"
HOSTILE = "\x1b[31mred\x1b]0;title\x07"
SHOWN = f"{MARK}[31mred{MARK}]0;title{MARK}"
CLI = Path(relook.cli.__file__).parent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("nucléus 細胞\u3000b", "nucléus 細胞\u3000b"),
        ("two\nlines", "two\nlines"),
        (HOSTILE, SHOWN),
        ("a\rb\tc\x9bd\x7f", f"a{MARK}b{MARK}c{MARK}d{MARK}"),
        ("abc\u202egnp.exe", f"abc{MARK}gnp.exe"),  # is shown as abcexe.png
        ("half \ud800", f"half {MARK}"),
    ],
)
def test_printable(text: str, expected: str) -> None:
    assert printable(text) == expected


@pytest.mark.parametrize("err", [False, True])
def test_what_is_said(err: bool, capsys: pytest.CaptureFixture[str]) -> None:
    say(f"class {HOSTILE}", err=err)
    captured = capsys.readouterr()
    assert (captured.err if err else captured.out) == f"class {SHOWN}\n"


@pytest.mark.parametrize("stderr", [False, True])
def test_what_a_console_prints(stderr: bool, capsys: pytest.CaptureFixture[str]) -> None:
    console = PlainConsole(stderr=stderr, soft_wrap=True)
    console.print(f"[b] {HOSTILE} :smile:")
    console.print(Text(HOSTILE))
    captured = capsys.readouterr()
    written = captured.err if stderr else captured.out
    assert written.split("\n")[0] == f"[b] {MARK}[31mred{MARK}]0;title :smile:"  # rich drops bells
    assert "\x1b" not in written and written.count("red") == 2


def test_a_table_is_clean_and_keeps_its_styles(capsys: pytest.CaptureFixture[str]) -> None:
    console = PlainConsole()
    console.width = 60
    table = Table("name")
    table.add_row(HOSTILE)
    console.print(table)
    assert "\x1b" not in capsys.readouterr().out
    styled = [s for s in console.render(Text(HOSTILE, style="bold")) if s.style]
    assert styled and all("\x1b" not in s.text for s in styled)


def test_commands_write_by_this_module_only() -> None:
    """But json for programs, which escapes such characters itself."""
    found = []
    for source in sorted(CLI.glob("*.py")):
        for node in ast.walk(ast.parse(source.read_text())):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name in {"print", "typer.echo", "Console", "sys.stderr.write", "click.echo"}:
                found.append(f"{source.name}: {name}")
    assert found == ["terminal.py: typer.echo"]
