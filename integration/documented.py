"""Commands and settings that a README tells its readers to type, for scenarios that type them."""
import json
import os
import re

from moxhost import ROOT


def documented(title, file="container/README.md"):
    """The commands of the block whose first line is "# title"."""
    with open(os.path.join(ROOT, file)) as text:
        found = re.search(rf"^```sh\n# {re.escape(title)}\n(.*?)^```", text.read(), re.M | re.S)
    if not found:
        raise AssertionError(f"{file} has no commands called {title!r}")
    return found[1]


def documented_settings(heading, file="container/README.md"):
    """The first JSON of a chapter."""
    with open(os.path.join(ROOT, file)) as text:
        chapter = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text.read(), re.M | re.S)
    found = chapter and re.search(r"^```json\n(.*?)^```", chapter[1], re.M | re.S)
    if not found:
        raise AssertionError(f"{file} has no JSON below {heading!r}")
    return json.loads(found[1])
