"""The page about the routes."""

from __future__ import annotations

from html.parser import HTMLParser

from relook.app.docs_page import docs_page


def test_everything_of_others_is_escaped() -> None:
    models = [{"name": "nuts", "classes": [{"id": 1, "name": "</dd><script>x</script>"}]}]
    tags: set[str] = set()

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.add(tag)

    page = docs_page(models, "http://<here>")
    Tags().feed(page)
    assert "script" not in tags and "here" not in tags
    assert "&lt;script&gt;x" in page and "nuts" in page
