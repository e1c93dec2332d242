"""Doxygen's input filter for the public headers: shows `inline constexpr detail::call_fn call{};` as the functions that it is called as.

Of each `operator()` of call_fn, wherever that is defined, it makes a declaration with the constant's comment. An awaiter of detail/
becomes `awaitable<T>`, T being what awaiting it gives (docs/reference.md says so). Lines stay where they are.
"""

import functools
import pathlib
import re
import sys

CONSTANT = re.compile(r"^inline constexpr detail::(\w+_fn) (\w+)\{\};$", re.MULTILINE)

# Of those whose awaiters compute it: what awaiting each overload gives.
GIVES = {
    "when_all": ["std::tuple<value_of<As>...>", "std::vector<T>"],
    "when_any": ["any_outcome<std::tuple<result<value_of<As>>...>>", "any_outcome<std::vector<result<T>>>"],
    "to_thread": ["std::invoke_result_t<F, Args...>"] * 2,
    "wait_signal": ["int"],
}


@functools.cache
def everything(root):
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.hpp")))


def balanced(text, start, opening, closing):
    """The index behind the bracket that closes the one at start."""
    depth = 0
    for index in range(start, len(text)):
        depth += {opening: 1, closing: -1}.get(text[index], 0)
        if depth == 0:
            return index + 1
    raise ValueError(text[start : start + 80])


def calls(text, name):
    """The head of each operator() of a struct: what stands in front of it, and its parameters."""
    found = re.search(rf"\b(?:struct|class) (?:COAX_API )?{name}\b[^;{{]*\{{", text)
    if not found:
        sys.exit(f"function_objects.py: {name} is defined nowhere")
    body = text[found.end() : balanced(text, found.end() - 1, "{", "}") - 1]
    for each in re.finditer(r"operator\(\)\s*\(", body):
        # Back to the end of what comes before: a body, a declaration, a comment, a label.
        begin = max(body.rfind(mark, 0, each.start()) for mark in ("}\n", ";\n", "public:\n", "private:\n")) + 1
        head = re.sub(r"//[^\n]*|\bpublic:|\bprivate:", "", body[begin : each.start()])
        end = balanced(body, each.end() - 1, "(", ")")
        if "= delete" not in body[end : re.compile(r"[;{]").search(body, end).start() + 1]:
            yield " ".join(head.split()), " ".join(body[each.end() : end - 1].split())


def without_requires(head):
    """The head without a requires clause, which says to the compiler what the concepts' names say to readers."""
    found = re.search(r"\brequires\b", head)
    if not found:
        return head
    end = found.end()
    while True:
        rest = re.match(r"\s*(?:!\s*)?(?:[\w:]+\s*)?([(<])", head[end:])
        if not rest:
            break
        start = end + rest.end() - 1
        end = balanced(head, start, rest[1], {"(": ")", "<": ">"}[rest[1]])
        tail = re.match(r"(?:::\w+)?\s*(&&|\|\|)?", head[end:])
        end += tail.end()
        if not tail[1]:
            break
    return head[: found.start()] + head[end:]


def awaited(text, result):
    """What a result shows as: T of an awaiter that gives T, else itself."""
    found = re.match(r"(?:detail::)?(\w+)\s*(?:<.*>)?$", result)
    if not found or found[1] in ("void", "bool", "auto", "task", "result"):
        return result
    made = len(found[1]) > 1 and re.search(rf"\bclass (?:COAX_API )?(?:\[\[nodiscard\]\] )?(?:COAX_API )?{found[1]}\b[^;{{]*\{{", text)
    if not made:
        return result
    body = text[made.end() : balanced(text, made.end() - 1, "{", "}")]
    value = re.search(r"\busing value_type = ([^;]+);", body) or re.search(r"([\w:<>, ]+?) await_resume\(", body)
    return f"awaitable<{' '.join(value[1].split())}>" if value else result


def declaration(text, name, gives, head, parameters):
    head = re.sub(r"\[\[\w+\]\]|\b(?:constexpr|COAX_API|static|inline)\b", "", without_requires(head)).strip()
    template = ""
    if head.startswith("template"):
        end = balanced(head, head.index("<"), "<", ">")
        template, head = head[:end] + " ", head[end:].strip()
    result = f"awaitable<{gives}>" if gives else awaited(text, head)
    return f"{template}{result} {name}({parameters});".replace("detail::", "")


def shown(source, text):
    def functions(found):
        overloads = list(calls(text, found[1]))
        gives = GIVES.get(found[2], [None] * len(overloads))
        made = [declaration(text, found[2], value, *each) for value, each in zip(gives, overloads, strict=True)]
        return " /** \\overload */ ".join(made)

    return CONSTANT.sub(functions, source)


if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1])
    root = next((each for each in path.resolve().parents if each.name == "coax"), path.parent)
    print(shown(path.read_text(encoding="utf-8"), everything(root)), end="")
