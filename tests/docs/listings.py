"""Makes C++ sources of the listings in a Markdown file, so that the ordinary build compiles what the documentation shows.

    listings.py MARKDOWN OUTPUT...

The outputs have to be exactly those that the file asks for; NAME is the file's own, in lower case:

    NAME.cpp             all listings that are no programs, each in a namespace of its own
    NAME-PROGRAM.cpp     a program
    NAME-refused-X.cpp   a mistake: it compiles only where REFUSED is not defined

A comment in front of a ```cpp fence says what the listing is. Without one it is a few declarations.

    <!-- listing: program PROGRAM -->   a whole program, or the beginning of one
    <!-- listing: continues -->         goes on where the listing before has ended, in the same scope or program
    <!-- listing: body -->              statements of a coroutine that has a `coax::socket& conn`
    <!-- listing: mistake -->           declarations that compile and should not; g++ warns of some
    <!-- listing: refused X -->         statements of such a coroutine that must not compile
"""

import pathlib
import re
import sys

PRELUDE = """\
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coax/coax.hpp>

"""
UNWARNED = """\
#if defined(__GNUC__) && __GNUC__ >= 12 && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdangling-pointer"
#endif
{code}
#if defined(__GNUC__) && __GNUC__ >= 12 && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
"""
LITERALS = "using namespace std::chrono_literals;\n"

FENCE = re.compile(r"^```(\w*)\s*$")
COMMENT = re.compile(r"^<!-- listing: (\w+) ?(\w*) -->$")
KINDS = {"declarations": False, "program": True, "continues": False, "body": False, "mistake": False, "refused": True}


class Mistake(Exception):
    pass


class Listing:
    """One or more fences that are compiled together."""

    def __init__(self, kind, name):
        self.kind = kind
        self.name = name
        self.fences = []  # (first line, lines)

    def includes(self, shown):
        for first, lines in self.fences:
            for number, text in enumerate(lines, first):
                if text.startswith("#include"):
                    yield f'#line {number} "{shown}"\n{text}\n'

    def code(self, shown, with_includes):
        parts = []
        for first, lines in self.fences:
            kept = ["" if text.startswith("#include") and not with_includes else text for text in lines]
            parts.append(f'#line {first} "{shown}"\n' + "\n".join(kept) + "\n")
        return "".join(parts)


def read(markdown, shown):
    """The listings of a file, in order."""
    listings = []
    comment = None
    fence = None
    for number, text in enumerate(markdown.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{shown}:{number}: "
        if fence is not None:
            if text == "```":
                if fence[0] == "cpp":
                    listings[-1].fences.append((fence[1], fence[2]))
                fence = None
            else:
                fence[2].append(text)
        elif opened := FENCE.match(text):
            fence = (opened[1], number + 1, [])
            kind, name = comment or ("declarations", "")
            if opened[1] != "cpp":
                if comment is not None:
                    raise Mistake(where + "a listing that is not C++")
            elif kind != "continues":
                listings.append(Listing(kind, name))
            elif not listings:
                raise Mistake(where + "nothing to continue")
            comment = None
        elif text.lstrip().startswith("```"):
            raise Mistake(where + "a fence that is indented, or says more than a language")
        elif said := COMMENT.match(text):
            comment = (said[1], said[2])
            if said[1] not in KINDS or KINDS[said[1]] != bool(said[2]):
                raise Mistake(where + "this says nothing about a listing: " + text)
        elif "<!-- listing" in text or (comment is not None and text != ""):
            raise Mistake(where + "no listing follows, or the comment is not alone on its line")
    if fence is not None or comment is not None:
        raise Mistake(shown + ": the last listing does not end")
    return listings


def coroutine(code, name):
    return f"coax::task<> {name}([[maybe_unused]] coax::socket& conn) {{\n{code}co_return;\n}}\n"


def sources(markdown, shown):
    """The text of each source, by its name."""
    stem = re.sub(r"\W", "_", markdown.stem.lower())
    made = {}
    listings = read(markdown, shown)
    scraps = [each for each in listings if each.kind in ("declarations", "body", "mistake")]
    for each in listings:
        first = each.fences[0][0]
        code = each.code(shown, with_includes=True)
        if (each.kind == "program") != bool(re.search(r"^int main\(", code, re.MULTILINE)):
            raise Mistake(f"{shown}:{first}: a program has a name and an `int main`")
        if each.kind == "program":
            made[f"{stem}-{each.name}.cpp"] = code
        elif each.kind == "refused":
            body = f"#if defined(REFUSED)\n{code}#endif\n"
            made[f"{stem}-refused-{each.name}.cpp"] = PRELUDE + LITERALS + coroutine(body, each.name)
    if scraps:
        text = "".join(part for each in scraps for part in each.includes(shown)) + PRELUDE
        for index, each in enumerate(scraps, 1):
            code = each.code(shown, with_includes=False)
            if each.kind == "body":
                code = coroutine(code, "body")
            elif each.kind == "mistake":
                code = UNWARNED.format(code=code)
            text += f"namespace listing_{index} {{\n{LITERALS}{code}}} // namespace\n"
        made[stem + ".cpp"] = text
    return made


def main(markdown, *outputs):
    markdown = pathlib.Path(markdown)
    root = pathlib.Path(__file__).resolve().parents[2]
    shown = markdown.resolve().relative_to(root).as_posix()
    made = sources(markdown, shown)
    wanted = {pathlib.Path(output).name: output for output in outputs}
    if set(wanted) != set(made):
        raise Mistake(f"{shown}: makes {sorted(made)}, and tests/docs/meson.build lists {sorted(wanted)}")
    for name, output in wanted.items():
        path = pathlib.Path(output)
        # What has not changed is not compiled again.
        if not path.exists() or path.read_text(encoding="utf-8") != made[name]:
            path.write_text(made[name], encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Mistake as mistake:
        sys.exit(str(mistake))
