"""scripts/lint on the samples beside this file, and on the listings of docs/compilers.md.

A comment says what has to be found on its line: `// expect: RULE`. Nothing else may be found there."""

import contextlib
import io
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
EXPECTED = re.compile(r"expect: (\w+)")
FOUND = re.compile(r"(.*):(\d+): .* \[(\w+)\]$")

sys.path.insert(0, str(ROOT / "tests/docs"))
sys.path.insert(0, str(ROOT / "scripts"))
import listings  # noqa: E402
from lint_cpp.command import main  # noqa: E402


def lint(*arguments):
    """Its status and what it prints. Not as a process: so it reads the library's headers once."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        return main([str(each) for each in arguments]), printed.getvalue()


def findings(output):
    return sorted((int(found[2]), found[3]) for found in map(FOUND.match, output.splitlines()))


class Samples(unittest.TestCase):
    def sample(self, name):
        path = HERE / name
        wanted = []
        for number, text in enumerate(path.read_text().splitlines(), 1):
            wanted += [(number, rule) for rule in EXPECTED.findall(text)]
        status, printed = lint(path)
        self.assertEqual(findings(printed), sorted(wanted), printed)
        self.assertEqual(status, 1)

    def test_conditional(self):
        self.sample("conditional.cpp")

    def test_condition(self):
        self.sample("condition.cpp")

    def test_braces(self):
        self.sample("braces.cpp")

    def test_closure(self):
        self.sample("closure.cpp")

    def test_check(self):
        self.sample("check.cpp")

    def test_text(self):
        self.sample("text.cpp")


class Page(unittest.TestCase):
    def test_each_trap_is_found_and_each_cure_is_clean(self):
        page = ROOT / "docs/compilers.md"
        shown = listings.read(page, page.name)
        self.assertGreater(len([each for each in shown if each.kind == "mistake"]), 4)
        for each in shown:
            with self.subTest(line=each.fences[0][0]), tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
                code = "".join("\n".join(lines) + "\n" for _, lines in each.fences)
                file.write(code if each.kind != "body" else listings.coroutine(code, "body"))
                file.flush()
                status, printed = lint(file.name)
                self.assertEqual(status, 1 if each.kind == "mistake" else 0, printed)


class Command(unittest.TestCase):
    def run_lint(self, *arguments):
        return subprocess.run([ROOT / "scripts/lint", *arguments], capture_output=True, text=True)

    def test_help(self):
        done = self.run_lint("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("coax-lint: allow", done.stdout)

    def test_a_clean_file(self):
        done = self.run_lint(ROOT / "examples/tcp_echo_server.cpp")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_a_file_that_is_not_there(self):
        done = self.run_lint(HERE / "nowhere.cpp")
        self.assertEqual(done.returncode, 2)
        self.assertIn("nowhere.cpp", done.stderr)

    def test_names_the_file_as_it_was_given(self):
        self.assertTrue(lint(HERE / "check.cpp")[1].startswith(f"{HERE}/check.cpp:6: "))

    def test_a_file_by_the_names_of_what_it_includes(self):
        with tempfile.TemporaryDirectory() as directory:
            other = pathlib.Path(directory) / "other.cpp"
            other.write_text("struct line { std::string text; };\n")
            source = pathlib.Path(directory) / "source.cpp"
            source.write_text("coax::task<> f() { int n = co_await put(coax::line(1)); }\n")
            self.assertEqual(lint(other, source)[0], 0)

    def test_directories_to_look_in(self):
        with tempfile.TemporaryDirectory() as directory:
            (pathlib.Path(directory) / "include").mkdir()
            (pathlib.Path(directory) / "include/job.hpp").write_text("struct job { std::string name; };\n")
            source = pathlib.Path(directory) / "source.cpp"
            source.write_text("#include <job.hpp>\ncoax::task<> f() { int n = co_await put(job{}); }\n")
            self.assertEqual(lint(source)[0], 0)
            self.assertEqual(lint("-I", f"{directory}/include", source)[0], 1)


if __name__ == "__main__":
    unittest.main()
