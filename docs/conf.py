"""How Sphinx builds these pages: `python3 rush.py docs`, warnings being errors."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]

from rushlight.version import __version__  # noqa: E402

project = "Rushlight"
author = "Rushlight contributors"
copyright = f"2026, {author}"
release = version = __version__

extensions = ["myst_parser", "reference", "essay"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
suppress_warnings = ["toc.empty_glob"]

html_theme = "furo"
html_title = f"Rushlight {__version__}"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#a4501b", "color-brand-content": "#a4501b"},
    "dark_css_variables": {"color-brand-primary": "#f0a35e", "color-brand-content": "#f0a35e"},
}
