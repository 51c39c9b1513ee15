"""Commands that a README tells its readers to type, for scenarios that type them."""
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
