#!/usr/bin/env python3
"""Makes one source file of several tests: group.py OUTPUT TEST...

Most of what a test costs to compile is what it has in common with the others. Each test gets a namespace with the name of its file, so that they
may use the same names; what they include comes first, under the conditions that it stands under, so that nothing of it ends up in there.
"""
import pathlib
import re
import sys

DIRECTIVE = re.compile(r"\s*#\s*(if|ifdef|ifndef|elif|else|endif|include)\b")

output, *tests = map(pathlib.Path, sys.argv[1:])
lines = []
for test in tests:
    lines += [line for line in test.read_text(encoding="utf-8").splitlines() if DIRECTIVE.match(line)]
for test in tests:
    lines += ["", f"namespace {test.stem} {{", f'#include "{test.resolve().as_posix()}"', "}"]
output.write_text("\n".join(lines) + "\n", encoding="utf-8")
