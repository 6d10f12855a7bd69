"""An essay's page: its comments as text, its code as it stands."""

from docs._ext.essay import page

ESSAY = '''"""How it works.

In two steps.
"""

import math

# ## First
#
# A number, and `code`.

x = 1  # a comment of the code


def f():
    # inside
    return x
# Then the end.
'''

PAGE = """# How it works

In two steps.

```python
import math
```

## First

A number, and `code`.

```python
x = 1  # a comment of the code


def f():
    # inside
    return x
```

Then the end.
"""


def test_page():
    assert page(ESSAY) == PAGE


def test_an_essay_without_docstring():
    assert page("x = 1\n") == "# Essay\n\n\n\n```python\nx = 1\n```\n"
