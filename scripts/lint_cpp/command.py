"""Finds what g++ 12 compiles into a wrong program in coroutines, without a warning; docs/compilers.md shows each.

  conditional  co_await and ?:, && or || with temporaries, in one expression: destroyed twice, or made on the side not taken
  condition    co_await in the condition of an if, while, do, for or switch, in a coroutine that declares no variable: never runs
  braces       co_await over a braced list that makes a temporary aggregate (destroyed twice) or an initializer_list
  closure      co_await over a temporary lambda that holds something with a destructor: destroyed twice
  check        co_await inside Catch2's CHECK or REQUIRE: carried out twice

It reads the files by itself, without a compiler: it does not expand macros, and knows types by their names, from the files given,
what they include in quotes, the directories given with -I, and coax's own headers. Where it is wrong, a comment says so, on the
line or on the one before: // coax-lint: allow RULE, and why."""

import argparse
import functools
import pathlib
import sys

from .rules import Rules
from .structure import Structure
from .tokens import Source
from .types import Types

HERE = pathlib.Path(__file__).resolve().parents[1]
# Beside the sources, or as they are installed.
OWN = [each for each in (HERE.parent / "include", HERE.parents[1] / "include") if (each / "coax").is_dir()][:1]


@functools.cache
def parsed(path):
    source = Source(path.read_text(encoding="utf-8", errors="replace"))
    return source, Structure(source.tokens)


@functools.cache
def included(path, directories):
    """The files that a file includes, as far as they are found."""
    found = []
    for name in parsed(path)[0].includes:
        places = (directory / name for directory in (path.parent, *directories))
        found += [each.resolve() for each in places if each.is_file()][:1]
    return found


def with_includes(files, directories):
    """The paths of the files and of all they include."""
    found, waiting = set(), list(files)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += included(path, directories)
    return found


def main(arguments):
    parser = argparse.ArgumentParser(prog="lint", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="Exit status: 0 nothing found, 1 something found, 2 a file cannot be read.")
    parser.add_argument("files", nargs="+", metavar="FILE", type=pathlib.Path, help="a C++ source or header")
    parser.add_argument("-I", dest="directories", action="append", default=[], metavar="DIRECTORY", type=pathlib.Path,
                        help="where to look for included files")
    options = parser.parse_args(arguments)

    directories = (*options.directories, *OWN)
    coax = with_includes([each.resolve() for directory in OWN for each in (directory / "coax").rglob("*.hpp")], directories)
    of_coax = Types()
    for path in sorted(coax):
        of_coax.learn(parsed(path)[1])
    found = 0
    for each in options.files:
        try:
            # What others of the files call by the same names is none of this one's business.
            known = with_includes([each.resolve()], directories) - coax
        except OSError as error:
            print(f"lint: {error}", file=sys.stderr)
            return 2
        types = of_coax.preferring(None)
        for path in sorted(known):
            types.learn(parsed(path)[1])
        source, structure = parsed(each.resolve())
        rules = Rules(types.preferring(structure))
        findings = {finding for function in structure.functions for finding in rules.check(function)}
        for finding in sorted(findings):
            if (finding.rule, finding.line) not in source.allowed:
                print(f"{source.shown or each}:{finding.line}: {finding.message} [{finding.rule}]")
                found += 1
    return 1 if found else 0
