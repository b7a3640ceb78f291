"""Print the names of the packages that only development needs: the extra ``dev`` of pyproject.toml."""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
names = [re.split(r"[^A-Za-z0-9._-]", entry, maxsplit=1)[0] for entry in project["optional-dependencies"]["dev"]]
sys.stdout.write("\n".join(names) + "\n")
