"""Doxygen's input filter for the Markdown pages: links to sections and images work there as they do
elsewhere, and comments are gone."""

import pathlib
import re
import sys

PAGES = {"reference", "guide", "cancellation", "compilers", "operating", "packaging", "design", "benchmarks"}
LINK = re.compile(r"\[([^\]]+)\]\(((?:[\w./-]+\.md)?(?:#[\w-]+)?)\)", re.DOTALL)
IMAGE = re.compile(r"(!\[[^\]]*\]\()[\w./-]*?([\w-]+\.svg\))")
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
FENCE = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)


def anchor(heading):
    """What others make of a heading: the words, joined by hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def shown(page, text):
    seen = []

    def heading(found):
        seen.append(found[2])
        name = page if len(seen) == 1 else f"{page}_{anchor(found[2])}"
        return f"{found[0]} {{#{name}}}"

    def link(found):
        file, _, section = found[2].partition("#")
        target = pathlib.PurePath(file).stem if file else page
        if target not in PAGES:
            return found[1]
        return f"[{found[1]}](@ref {target}{'_' + section if section else ''})"

    parts = FENCE.split(text)
    for index in range(0, len(parts), 2):
        parts[index] = HEADING.sub(heading, LINK.sub(link, IMAGE.sub(r"\1\2", COMMENT.sub("", parts[index]))))
    return "".join(parts)


if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1])
    text = path.read_text(encoding="utf-8")
    print(shown(path.stem, text) if path.stem in PAGES else text, end="")
