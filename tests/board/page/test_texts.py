"""The view of text, and its Markdown: elements, never HTML from the log."""

import json

import pytest

ATTACKS = """<script>document.title='owned'</script>
<img src=x onerror="document.title='owned'">
[a](javascript:document.title='owned') [b](JaVaScRiPt:alert(1)) [c](java\tscript:alert(1))
[d](data:text/html,x) [e](&#106;avascript:alert(1)) [f](vbscript:x) [g](//evil.example)
[h](\u0001javascript:alert(1)) <javascript:alert(1)>
![i](http://evil.example/x.png) ![j](x" onerror="document.title='owned')
<a href="javascript:alert(1)">k</a> <svg onload="document.title='owned'"> [l](https://ok.example/"onclick="x)
```"><script>document.title='owned'</script>
code
```
| a<script>document.title='owned'</script> | b |
|--|--|
| <iframe src="javascript:alert(1)"> | 2 |
"""


def rendered(page, text):
    """The HTML of the elements that Markdown makes of a text."""
    script = """async text => {
      const { Markdown } = await import('/page/markdown.js');
      const { html, render } = await import('/page/lib.js');
      const box = document.createElement('div');
      render(html`<${Markdown} text=${text} />`, box);
      return box.firstElementChild.innerHTML; }"""
    return page.evaluate(script, text)


def test_hostile_text_is_text(show, write, make):
    write("run", (0, make.text("<b>tag</b>", ATTACKS.encode())))
    page = show("#view=text")
    page.wait_for_selector(".markdown table")
    page.wait_for_timeout(300)
    assert page.title() == "Rushlight board"
    content = page.locator("article.text")
    for name in ("script", "img", "svg", "iframe", "b"):
        assert content.locator(name).count() == 0, name
    links = content.locator("a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert links == ["http://evil.example/x.png", 'https://ok.example/"onclick="x']
    assert all(
        not a for a in content.locator("a").evaluate_all("all => all.map(a => a.getAttribute('onclick'))")
    )


CASES = {
    "# A *b*": "<h1>A <em>b</em></h1>",
    "## Closed ##": "<h2>Closed</h2>",
    "Title\n===": "<h1>Title</h1>",
    "a\nb  \nc": "<p>a\nb  <br>c</p>",
    "**a** __b__ *c* _d_": "<p><strong>a</strong> <strong>b</strong> <em>c</em> <em>d</em></p>",
    "~~e~~": "<p><del>e</del></p>",
    "***both***": "<p><strong><em>both</em></strong></p>",
    "snake_case_name 2*3*4 * x": "<p>snake_case_name 2<em>3</em>4 * x</p>",
    "`a *b*` ``c`d``": "<p><code>a *b*</code> <code>c`d</code></p>",
    "- a\n- b\n  - c": "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>",
    "3. a\n4. b": '<ol start="3"><li>a</li><li>b</li></ol>',
    "- a\n\n- b": "<ul><li>a</li><li>b</li></ul>",
    "> a\n> - b": "<blockquote><p>a</p><ul><li>b</li></ul></blockquote>",
    "```py\nx < 1\n```": '<pre data-language="py"><code>x &lt; 1</code></pre>',
    "    x\n\n    y": "<pre><code>x\n\ny</code></pre>",
    "---": "<hr>",
    "\\*a\\* &lt;b&gt; &amp; &#65;": "<p>*a* &lt;b&gt; &amp; A</p>",
    "unclosed **a and `b": "<p>unclosed **a and `b</p>",
}


@pytest.fixture
def blank(show, write, make):
    return show()


def test_markdown(blank):
    for text, expected in CASES.items():
        assert rendered(blank, text) == expected, text


def test_tables_and_links(blank):
    table = rendered(blank, "| a | b |\n|:-:|--:|\n| 1 | `x|y` |\n| \\| | z |\n\nafter")
    assert table.count("<tr>") == 3 and '<th style="text-align: center;">a</th>' in table
    assert "<code>x|y</code>" in table and table.endswith("<p>after</p>")
    link = rendered(blank, "[a *b*](https://x.example/(1) 'title') and https://y.example/z.")
    assert (
        '<a href="https://x.example/(1)" target="_blank" rel="noopener noreferrer nofollow">a <em>b</em></a>'
        in link
    )
    assert ">https://y.example/z</a>." in link


# each would take for ever by a search that begins anew at every place
SLOW = [
    "[" * 200_000,
    "*a " * 70_000,
    "`" + "`` `" * 40_000,
    "> " * 100_000,
    "- " * 100_000,
    "![" * 100_000,
    "_a_b" * 50_000,
    "[a](" * 50_000,
    "<" * 200_000,
    "|" * 100_000 + "\n" + "|-" * 50_000,
    "a|b\n" * 50_000,
    "~~a " * 50_000,
    "*" * 200_000,
    "&" * 200_000,
    "http://" * 30_000,
    "* a\n" * 60_000,
    "#" * 200_000,
    "**a*" * 50_000,
]


def test_no_text_takes_for_ever(blank):
    blank.set_default_timeout(20_000)
    for text in SLOW:
        assert rendered(blank, text) is not None, json.dumps(text[:12])


def test_steps_tables_and_plain_text(show, write, make):
    write(
        "run",
        (1, make.text("t/text_summary", b"first *one*")),
        (2, make.text("t/text_summary", [[b"a", b"**b**"], [b"c", b"d"]])),
    )
    page = show("#view=text")
    page.locator("table.cells strong").get_by_text("b").wait_for()
    assert page.locator("article h3").inner_text() == "t"
    page.locator("article input[type=range]").fill("0")
    page.locator(".markdown em").get_by_text("one").wait_for()
    page.get_by_label("As written").check()
    page.locator("pre.plain").get_by_text("first *one*").wait_for()


def test_ten_megabytes_are_cut(show, write, make):
    write("run", (1, make.text("t", b"word " * 2_000_000)))
    page = show("#view=text")
    page.get_by_text("10.0 MB of text are too many to show").wait_for()
