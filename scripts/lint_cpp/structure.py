"""What the tokens of a file amount to: its functions with their full expressions, its classes, what can be called.

No compiler's view: names are not looked up in scopes, macros are not expanded, and what is not understood is passed over."""

from .brackets import CLASS_KEYS, OPENING, SPECIFIERS, after_angle, declared_name, match_brackets, split

NO_NAME = {"alignas", "decltype", "noexcept", "requires", "explicit", "throw", "__attribute__", "__declspec", "if", "while", "for"}
NO_OPERAND = {"return", "co_return", "co_await", "co_yield", "case", "else", "do", "throw", "in", "new", "delete", "sizeof"}


class Function:
    """The body of a function or lambda."""

    def __init__(self, kind, line, parameters):
        self.kind = kind  # "function", "lambda"
        self.line = line
        self.expressions = []
        self.declares = False  # anything, in any of its blocks, or has a lambda in it
        self.variables = {}  # the types of variables and parameters, as tokens
        for each in parameters:
            self.note(each)

    def note(self, tokens):
        """A declaration: everything up to the name is its type."""
        name, end = declared_name(tokens)
        if name:
            self.variables[name] = tokens[:end]


class Expression:
    """A full expression: the tokens of one statement, condition or initializer, each lambda in it being one token."""

    def __init__(self, tokens, where, declared=None):
        self.tokens = tokens
        self.pairs = match_brackets(tokens)
        self.where = where  # "condition", "statement"
        self.declared = declared  # index of the name that it declares and initializes

    def awaits(self, first=0, last=None):
        return any(each.text == "co_await" and each.kind == "name" for each in self.tokens[first:last])


class Lambda:
    """A token in the place of a whole lambda expression."""

    kind, text = "lambda", "[]"

    def __init__(self, line, captures):
        self.line = line
        self.captures = captures


class Class:
    def __init__(self, name, key):
        self.name = name
        self.public = key != "class"
        self.aggregate = True
        self.destructor = False
        self.members = []  # of each the type, as tokens


class Structure:
    def __init__(self, tokens):
        self.tokens = tokens
        self.pairs = match_brackets(tokens)
        self.functions = []
        self.classes = {}
        self.enums = set()
        self.callables = {}  # by name: lists of parameters
        self.objects = {}  # variables at namespace scope: the name of their type
        self.scope(0, len(tokens), None)

    # --- declarations -----------------------------------------------------------------------------

    def scope(self, i, end, inside):
        while i < end:
            i = self.declaration(i, end, inside)

    def declaration(self, start, end, inside):
        """One declaration of a namespace or a class, definitions included; gives the index behind it."""
        k, parameters, assigned, initializers = start, None, False, False
        while k < end:
            text, kind = self.tokens[k].text, self.tokens[k].kind
            if kind == "name" and text == "template" and self.text(k + 1) == "<":
                k = after_angle(self.tokens[:end], k + 1) or k + 2
                if k <= start + 2 or parameters is None and not assigned:
                    continue
            elif text == ";":
                self.declared(start, k, parameters, inside)
                return k + 1
            elif text == ":" and k == start + 1 and self.text(start) in ("public", "private", "protected"):
                if inside:
                    inside.public = self.text(start) == "public"
                return k + 1
            elif text == ":" and parameters is not None:
                initializers = True
            elif text in ("(", "["):
                if text == "(" and parameters is None and not assigned and self.names_function(k):
                    if self.text(k - 1) == "operator" and self.text(self.close(k) + 1) == "(":
                        k = self.close(k) + 1
                    parameters = k
                k = self.close(k)
            elif text == "=" and self.text(k - 1) != "operator":
                assigned = True
            elif text == "}":
                return k + 1
            elif text == "{":
                close = self.close(k)
                head = self.words(start, k)
                if "namespace" in head or not head or head[0] == "extern" and len(head) == 1:
                    self.scope(k + 1, close, None)
                    return close + 1
                if assigned or "concept" in head or "requires" in head and self.text(k - 1) in ("requires", ")") and not self.ends_head(k):
                    k = close
                elif "enum" in head:
                    self.enums.update(head[head.index("enum") + 1:])
                    k = close
                elif parameters is None and (keys := [each for each in head if each in CLASS_KEYS]):
                    self.record(head, keys[0], k + 1, close)
                    k = close
                elif parameters is not None and not (initializers and (self.tokens[k - 1].kind == "name" or self.text(k - 1) == ">")
                                                     and self.text(k - 1) != "try"):
                    self.declared(start, k, parameters, inside)
                    self.body("function", start, parameters, k + 1, close)
                    k = close + 1
                    while self.text(k) == "catch" and k < end:  # of a function whose body is a try block
                        k = self.close(self.close(k + 1) + 1) + 1
                    return k
                else:
                    k = close
            k += 1
        return end

    def names_function(self, k):
        previous = self.tokens[k - 1] if k else None
        if previous is None:
            return False
        if previous.kind == "name":
            return previous.text not in NO_NAME
        return self.text(k - 2) == "operator" or previous.text in (">", ")", "]") and "operator" in (self.text(k - 2), self.text(k - 3))

    def ends_head(self, k):
        """Whether the brace at k opens a body, although there is a `requires` in front of it."""
        return self.text(k - 1) == ")" and self.text(self.pairs.get(k - 1, 0) - 1) not in ("requires",)

    def words(self, start, end):
        """The names of a declaration that stand in no bracket and no template's parameters."""
        found, k = [], start
        while k < end:
            if self.text(k) == "template" and self.text(k + 1) == "<":
                k = after_angle(self.tokens[:end], k + 1) or k + 2
                continue
            if self.text(k) in ("(", "["):
                k = self.close(k)
            elif self.tokens[k].kind == "name":
                found.append(self.text(k))
            elif self.text(k) in (":", "<") and any(each in CLASS_KEYS for each in found):
                break
            k += 1
        return found

    def record(self, head, key, first, last):
        names = [each for each in head[head.index(key) + 1:] if each != "final" and each not in CLASS_KEYS]
        made = Class(names[-1] if names else "", key)
        self.classes.setdefault(made.name, []).append(made)
        self.scope(first, last, made)

    def declared(self, start, end, parameters, inside):
        head = self.words(start, end)
        if not head or head[0] in ("using", "friend", "typedef", "static_assert"):
            return
        if parameters is None:
            name, at = declared_name(self.tokens[start:end])
            if name and inside and not {"static", "constexpr"} & set(head):
                inside.members.append(self.tokens[start:start + at])
                inside.aggregate = inside.aggregate and inside.public
            elif name and not inside:
                types = [each.text for each in self.tokens[start:start + at] if each.kind == "name" and each.text not in SPECIFIERS]
                self.objects[name] = types[-1] if types else "auto"
            return
        name = self.text(parameters - 1)
        if inside and name == inside.name:
            if self.text(parameters - 2) == "~":
                inside.destructor = self.text(end + 2) != ";" and "default" not in (self.text(end), self.text(end - 1))
            else:
                inside.aggregate = False
        elif "virtual" in head and inside:
            inside.aggregate = False
        listed = split(self.tokens[parameters + 1:self.close(parameters)])
        name = inside.name + "()" if inside and self.text(parameters - 3) == "operator" and self.text(parameters - 1) == ")" else name
        self.callables.setdefault(name, []).append(listed)

    # --- bodies -----------------------------------------------------------------------------------

    def body(self, kind, start, parameters, first, last, outer=None):
        listed = split(self.tokens[parameters + 1:self.close(parameters)]) if parameters is not None else []
        made = Function(kind, self.tokens[first - 1].line, listed)
        if outer is not None:
            made.variables = {**outer.variables, **made.variables}
            outer.declares = True
        self.functions.append(made)
        self.block(first, last, made)

    def block(self, i, end, function):
        while i < end:
            i = self.statement(i, end, function)

    def statement(self, i, end, function):
        word, kind = self.text(i), self.tokens[i].kind
        if word == "{":
            self.block(i + 1, self.close(i), function)
            return self.close(i) + 1
        if kind == "name" and word in ("if", "while", "switch", "for", "catch"):
            k = i + 1
            while k < end and self.text(k) != "(":
                k += 1
            self.header(word, k + 1, self.close(k), function)
            return self.close(k) + 1
        if kind == "name" and word in ("else", "do", "try"):
            return i + 1
        if word in (":", ";"):
            return i + 1
        if kind == "name" and word in CLASS_KEYS | {"enum", "namespace", "template"} and self.is_definition(i, end):
            function.declares = True
            return self.declaration(i, end, None)
        k = i
        while k < end and self.text(k) != ";":
            if self.text(k) == ":" and (word in ("case", "default") or k == i + 1):
                break
            if self.text(k) in OPENING:
                # A macro with a block behind it, as SECTION("…") { … }.
                if self.text(k) == "{" and self.text(k - 1) == ")" and self.pairs.get(k - 1, 0) == i + 1:
                    break
                k = self.close(k)
            k += 1
        k = min(k, end)
        if kind == "name" and word in ("using", "typedef"):
            function.declares = True
        elif k > i:
            self.expression(i, k, function, "statement")
        return k if self.text(k) == "{" else k + 1

    def is_definition(self, i, end):
        for k in range(i, end):
            if self.text(k) in (";", "(", "="):
                return False
            if self.text(k) == "{":
                return True
        return False

    def header(self, word, first, last, function):
        if word == "catch":
            function.declares = function.declares or self.text(first) != "..."
            function.note(self.tokens[first:last])
            return
        parts, start = [], first
        k = first
        while k < last:
            if self.text(k) in OPENING:
                k = self.close(k)
            elif self.text(k) == ";":
                parts.append((start, k))
                start = k + 1
            k += 1
        parts.append((start, last))
        if word == "for":
            conditions = parts[1:2] if len(parts) == 3 else []
        else:
            conditions = parts[-1:]
        for each in parts:
            if each[0] < each[1]:
                self.expression(*each, function, "condition" if each in conditions else "statement")

    def expression(self, first, last, function, where):
        shown, k = [], first
        while k < last:
            if self.opens_lambda(k, first) and (found := self.lambda_at(k, last)):
                parameters, brace = found
                captures = split(self.tokens[k + 1:self.close(k)])
                shown.append(Lambda(self.tokens[k].line, captures))
                self.body("lambda", k, parameters, brace + 1, self.close(brace), function)
                k = self.close(brace) + 1
            else:
                shown.append(self.tokens[k])
                k += 1
        name, at = declared_name(shown)
        if name:
            function.declares = True
            function.note(shown)
        function.expressions.append(Expression(shown, where, at if name else None))

    def opens_lambda(self, k, first):
        if self.text(k) != "[" or self.tokens[k].kind != "mark" or self.text(k + 1) == "[":
            return False
        if k == first:
            return True
        previous = self.tokens[k - 1]
        if previous.kind == "name":
            return previous.text in NO_OPERAND
        if previous.kind != "mark":
            return False
        return previous.text not in (")", "]", "[") and not (previous.text in ("&", "&&") and self.text(k - 2) == "auto")

    def lambda_at(self, k, last):
        """Where the parameters of a lambda and where its body open."""
        k = self.close(k) + 1
        parameters = None
        if self.text(k) == "<":
            k = after_angle(self.tokens[:last], k) or last
        while k < last:
            text = self.text(k)
            if text == "{":
                return parameters, k
            if text == "(":
                parameters = k if parameters is None else parameters
                k = self.close(k)
            elif text == "[":
                k = self.close(k)
            elif text in (";", ",", ")", "=", "]", "}"):
                return None
            k += 1
        return None

    def text(self, k):
        return self.tokens[k].text if 0 <= k < len(self.tokens) else ""

    def close(self, k):
        """The index of the bracket that closes the one at k; the end where none does."""
        return max(self.pairs.get(k, len(self.tokens) - 1), k)
