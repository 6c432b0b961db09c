"""The documentation site: the Markdown pages where they lie, and the API from the docstrings. `make docs-site` builds it.

The source folder is the root of the repository, so that a link between two pages is the same on the site as on the forge.
"""

import sys
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow/src"))  # the library of this checkout, whatever is installed

import sim2sky  # noqa: E402

project = html_title = "sim2sky"
author = "the sim2sky developers"
copyright = f"2026, {author}"
version = release = sim2sky.__version__

root_doc = "README"
include_patterns = ["*.md", "config/README.md", "resources/README.md", "docs/**"]
exclude_patterns = [".*", "**/__pycache__", "results", "logs", "site", "tests", "workflow"]
exclude_patterns += ["docs/api/modules.rst"]  # would only list sim2sky

extensions = ["myst_parser", "sphinx.ext.apidoc", "sphinx.ext.autodoc", "numpydoc"]
myst_heading_anchors = 4
default_role = "code"
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_default_options = {"ignore-module-all": True}  # a thing is described where it is defined, and nowhere else
autodoc_typehints_format = "short"
apidoc_modules = [
    {
        "path": str(ROOT / "workflow/src/sim2sky"),
        "destination": "docs/api",
        "separate_modules": True,
        "module_first": True,
    }
]

html_theme = "furo"
html_extra_path = ["index.html"]  # leads to README.html

# The pages below a page. The pages themselves do not say it, since the forge would show it as text.
CONTENTS = {
    "README": ["docs/how-to/README", "docs/results/README", "config/README", "docs/*", "resources/README"]
    + ["Reference of the library <docs/api/sim2sky>", "CONTRIBUTING", "CHANGELOG"],
    "docs/how-to/README": ["*"],
    "docs/results/README": ["*", "*/README"],
}


def append_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Put a hidden table of contents at the end of a page that has pages below it."""
    if page in CONTENTS:
        source[0] += "\n".join(["", "```{toctree}", ":hidden:", ":glob:", "", *CONTENTS[page], "```", ""])


def unlink_folders(app: Sphinx, page: nodes.document) -> None:
    """Leave only the text of a link to a folder, of which the forge shows a listing and the site has none."""
    folder = (ROOT / app.env.docname).parent
    for link in list(page.findall(pending_xref)):
        if link.get("refdomain") is None and (folder / link["reftarget"]).is_dir():
            link.replace_self(link.children)


def skip_fields(app: Sphinx, what: str, name: str, member: object, skip: bool, options: object) -> bool | None:
    """Leave out the fields of a named tuple, of which Python says no more than their number; the signature has them."""
    return True if (getattr(member, "__doc__", "") or "").startswith("Alias for field number") else None


def setup(app: Sphinx) -> None:
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("source-read", append_contents)
    app.connect("doctree-read", unlink_folders)
