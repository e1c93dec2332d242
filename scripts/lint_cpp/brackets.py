"""Lists of tokens: their brackets, their parts, and what they declare."""

OPENING = {"(": ")", "[": "]", "{": "}"}
CLASS_KEYS = {"class", "struct", "union"}
QUALIFIERS = {"const", "constexpr", "constinit", "static", "volatile", "typename", "extern", "thread_local", "register", "mutable",
              "inline"}
SPECIFIERS = QUALIFIERS | {"auto", "unsigned", "signed", "long", "short", "int", "bool", "char", "float", "double", "void"}
STATEMENTS = {"return", "co_return", "co_yield", "co_await", "throw", "goto", "break", "continue", "new", "delete", "case", "default"}


def match_brackets(tokens):
    pairs, stack = {}, []
    for index, token in enumerate(tokens):
        if token.kind != "mark":
            continue
        if token.text in OPENING:
            stack.append(index)
        elif token.text in (")", "]", "}"):
            while stack and OPENING[tokens[stack[-1]].text] != token.text:
                stack.pop()
            if stack:
                pairs[stack[-1]] = index
                pairs[index] = stack.pop()
    return pairs


def after_angle(tokens, index):
    """The index behind the `>` that belongs to the `<` at index, or None if it seems to be less-than."""
    depth, brackets = 0, 0
    for k in range(index, len(tokens)):
        text = tokens[k].text if tokens[k].kind == "mark" else ""
        if text in OPENING:
            brackets += 1
        elif text in (")", "]", "}"):
            brackets -= 1
            if brackets < 0:
                return None
        elif brackets:
            continue
        elif text == "<":
            depth += 1
        elif text in (">", ">=", ">>"):
            depth -= 1
            if depth == 0:
                return k + 1
        elif text in (";", "&&", "||"):
            return None
    return None


def split(tokens, separator=","):
    """The parts between separators that stand in no bracket and no template's arguments."""
    parts, depth, start, k = [], 0, 0, 0
    while k < len(tokens):
        text = tokens[k].text if tokens[k].kind == "mark" else ""
        if text in OPENING:
            depth += 1
        elif text in (")", "]", "}"):
            depth -= 1
        elif text == "<" and depth == 0 and k and tokens[k - 1].kind == "name" and (end := after_angle(tokens, k)):
            k = end
            continue
        elif text == separator and depth == 0:
            parts.append(tokens[start:k])
            start = k + 1
        k += 1
    if start < len(tokens) or parts:
        parts.append(tokens[start:])
    return parts


def declared_name(tokens):
    """The name that a declaration introduces, and where it stands; (None, 0) for what looks like an expression."""
    k = 0
    while k < len(tokens) and tokens[k].text == "[" and k + 1 < len(tokens) and tokens[k + 1].text == "[":
        k = match_brackets(tokens).get(k, k) + 1
    typed = False
    while k < len(tokens):
        token = tokens[k]
        if token.kind == "name" and token.text in QUALIFIERS:
            k += 1
        elif token.kind == "name" and token.text in SPECIFIERS:
            typed, k = True, k + 1
        elif token.kind == "name" and token.text in CLASS_KEYS | {"enum"}:
            k += 1
        elif token.kind == "name" and token.text in STATEMENTS | {"operator", "if", "this", "sizeof"}:
            return None, 0
        elif token.kind == "name" and token.text == "decltype" and k + 1 < len(tokens):
            typed, k = True, match_brackets(tokens).get(k + 1, k) + 1
        elif token.kind == "name":
            if typed and ends_declarator(tokens, k + 1):
                return token.text, k
            # A type's name: qualified, and with arguments.
            k += 1
            if k < len(tokens) and tokens[k].text == "<" and (end := after_angle(tokens, k)):
                k = end
            if k < len(tokens) and tokens[k].text == "::":
                k += 1
                continue
            typed = True
        elif token.text in ("*", "&", "&&", "...") and typed:
            k += 1
        elif token.text == "[" and typed and tokens[k - 1].text in ("auto", "&", "&&"):
            return "[]", k
        elif token.text == "::":
            k += 1
        else:
            return None, 0
    return None, 0


def ends_declarator(tokens, k):
    return k >= len(tokens) or tokens[k].text in ("=", "(", "{", "[", ",", ":", ";", ")")
