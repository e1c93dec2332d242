"""What g++ 12 miscompiles, one rule for each; docs/compilers.md shows what happens."""

import re
from typing import NamedTuple

from .brackets import after_angle, declared_name, split
from .structure import NO_OPERAND
from .types import MAKERS, OWNING

CHECKS = re.compile(r"(CATCH_)?((CHECK|REQUIRE)(_FALSE|_NOFAIL)?|CHECKED_(IF|ELSE))$")
# Members that give a number, a pointer or a view, and those that give a reference.
PLAIN_MEMBERS = {"size", "length", "count", "empty", "data", "c_str", "begin", "end", "get", "has_value", "ok", "index", "capacity",
                 "fileno", "port", "find", "contains", "starts_with", "ends_with", "load", "time_since_epoch", "view", "text", "bytes"}
REFERENCE_MEMBERS = {"at", "front", "back", "value", "error"}
CASTS = {"static_cast", "const_cast", "reinterpret_cast", "dynamic_cast"}
PLAIN_CALLS = {"move", "forward", "get", "ref", "cref", "sizeof", "alignof", "as_const", "min", "max", "abs", "strlen", "bool", "int"}


class Finding(NamedTuple):
    line: int
    rule: str
    message: str


class Rules:
    def __init__(self, types):
        self.types = types

    def check(self, function):
        for expression in function.expressions:
            if not expression.awaits():
                continue
            yield from self.in_check(expression)
            yield from self.in_condition(expression, function)
            yield from self.conditionals(expression, function)
            yield from self.braces(expression)
            yield from self.closures(expression, function)

    # --- where the co_await stands ------------------------------------------------------------------

    def in_check(self, expression):
        tokens = expression.tokens
        for k, token in enumerate(tokens[:-1]):
            if token.kind == "name" and CHECKS.match(token.text) and tokens[k + 1].text == "(":
                if expression.awaits(k + 2, expression.pairs.get(k + 1)):
                    yield Finding(token.line, "check", f"co_await inside {token.text}(…) is carried out twice by g++: give the "
                                                       "value a name first")

    def in_condition(self, expression, function):
        if expression.where == "condition" and function.kind == "function" and not function.declares:
            yield Finding(awaited_line(expression), "condition", "co_await in a condition, in a coroutine that declares no "
                          "variable: g++ 12 makes a body that never runs; give the value a name first")

    # --- conditional evaluation -----------------------------------------------------------------------

    def conditionals(self, expression, function):
        tokens, covered = expression.tokens, -1
        for k, token in enumerate(tokens):
            if token.kind != "mark" or k <= covered:
                continue
            if token.text == "?":
                colon = matching_colon(expression, k)
                last = operand_end(expression, colon + 1, {",", ":"})
                if self.risky_result(expression, function, k + 1, colon, last):
                    covered = last
                    yield Finding(token.line, "conditional", "co_await and a conditional with temporaries in one expression: g++ 12 "
                                  "destroys them twice, or makes them on both sides; give the value a name first")
            elif token.text in ("&&", "||") and is_binary(tokens, k):
                last = operand_end(expression, k + 1, {",", ":", "?", "&&", "||"})
                if not expression.awaits(k + 1, last) and self.makes_temporary(expression, k + 1, last):
                    covered = last
                    yield Finding(token.line, "conditional", f"co_await and a temporary behind {token.text} in one expression: g++ 12 "
                                  "makes it whatever the left side says; give the value a name first")

    def risky_result(self, expression, function, first, colon, last):
        """Whether a conditional's value is a temporary with a destructor, or one is made on either side of it."""
        sides = [(first, colon), (colon + 1, last)]
        kinds = [self.side(expression, function, *each) for each in sides]
        if any(not expression.awaits(*each) and self.makes_temporary(expression, *each) for each in sides):
            return True
        if "number" in kinds or self.initializes_plain(expression, first):
            return False
        if "text" in kinds and "value" in kinds:  # a string's name and a literal have a string in common
            return True
        return "made" in kinds

    def initializes_plain(self, expression, k):
        """Whether the whole conditional initializes a variable of a type that has nothing to destroy."""
        at = expression.declared
        return (at is not None and expression.tokens[at + 1].text == "=" and self.types.owns(expression.tokens[:at]) is False
                and not any(each < k < close for each, close in expression.pairs.items()))

    def side(self, expression, function, first, last):
        """What stands on one side of a conditional: "number", "text", "view", "lvalue", "value" (a name of unknown type), "made"."""
        tokens = expression.tokens[first:last]
        while tokens and tokens[0].text == "(" and expression.pairs.get(first) == last - 1:
            first, last, tokens = first + 1, last - 1, tokens[1:-1]
        if not tokens or tokens[0].text == "throw":
            return "number"
        if any(each.text == "?" for each in tokens):
            k = first + next(k for k, each in enumerate(tokens) if each.text == "?")
            colon = matching_colon(expression, k)
            inner = {self.side(expression, function, k + 1, colon), self.side(expression, function, colon + 1, last)}
            return "made" if "made" in inner or inner >= {"text", "value"} else inner.pop()
        if any(each.kind == "mark" and each.text in ("==", "!=", "<=", ">=", "&&", "||", "!", "<=>") for each in tokens):
            return "number"
        if all(each.kind == "string" for each in tokens):
            return "made" if tokens[-1].text.endswith('"s') else "view" if not tokens[-1].text.endswith('"') else "text"
        if len(tokens) == 1 and tokens[0].kind in ("number", "char", "lambda") or tokens[0].text in CASTS | {"true", "false", "nullptr",
                                                                                                              "sizeof"}:
            return "number"
        if len(tokens) == 2 and tokens[0].text == "-" and tokens[1].kind == "number" or tokens[0].text == "&":
            return "number"
        if not any(each.text == "(" or each.text == "{" or each.text == "co_await" for each in tokens):
            if any(each.text in ("+", "-", "*", "/", "%") and k for k, each in enumerate(tokens)):
                strings = any(each.kind == "string" for each in tokens)
                names = [each.text for each in tokens if each.text in function.variables]
                owning = any(self.types.owns(function.variables[each]) for each in names)
                return "made" if strings or owning else "number"
            if len(tokens) == 1 and tokens[0].text in function.variables:
                known = [each for each in function.variables[tokens[0].text] if each.text not in ("&", "&&", "const")]
                if any(each.text == "*" for each in known) or self.types.owns(known) is False:
                    return "view"
            return "value"
        # Calls: of what is known to give no object.
        k = last - 1
        if expression.tokens[k].text == ")":
            callee = expression.tokens[expression.pairs[k] - 1]
            before = expression.tokens[expression.pairs[k] - 2].text if expression.pairs[k] - 2 >= first else ""
            if callee.text in PLAIN_MEMBERS and before in (".", "->"):
                return "view"
            if callee.text in REFERENCE_MEMBERS and before in (".", "->") or callee.text in PLAIN_CALLS:
                return "value"
            if callee.text in ("seconds", "milliseconds", "microseconds", "nanoseconds", "minutes", "string_view", "bytes_view"):
                return "view"
        return "made"

    def makes_temporary(self, expression, first, last):
        """Whether a temporary is certainly made on a side of which nothing may happen unless it is chosen."""
        tokens, pairs = expression.tokens, expression.pairs
        for k in range(first, last):
            if tokens[k].kind != "name" or k + 1 >= last:
                continue
            opened = k + 1
            if tokens[opened].text == "<":
                opened = after_angle(tokens[:last], opened) or opened
            if opened >= last or tokens[opened].text not in ("(", "{"):
                continue
            name = tokens[k].text
            object_ = tokens[k - 1].text if k > first else ""
            if object_ not in (".", "->") and (name in OWNING | MAKERS or self.types.owns([tokens[k]]) and name not in self.types.callables):
                return True
            # What an unknown call gives is an argument of another one, or asked for a member.
            if object_ in (".", "->") or name in PLAIN_CALLS | CASTS or name in NO_OPERAND or tokens[opened].text == "{":
                continue
            close = pairs.get(opened, last)
            nested = any(each < k and pairs.get(each, -1) > close and tokens[each].text == "(" and each > first and
                         tokens[each - 1].kind == "name" and tokens[each - 1].text not in PLAIN_CALLS | CASTS | {"co_await", "if", "return"}
                         for each in range(first, k))
            if nested or close + 1 < last and tokens[close + 1].text in (".", "->"):
                return True
        return False

    # --- temporaries ----------------------------------------------------------------------------------

    def braces(self, expression):
        tokens, pairs = expression.tokens, expression.pairs
        for k, token in enumerate(tokens):
            if token.text not in ("{", "(") or token.kind != "mark" or k not in pairs or k == 0:
                continue
            if expression.declared is not None and k == expression.declared + 1:
                continue  # of the variable itself
            previous = tokens[k - 1]
            named = type_before(tokens, k)
            if named is not None:
                risky = self.types.risky_aggregate(named)
                filled = pairs[k] > k + 1
                shown = "".join(each.text for each in named)
                designated = filled and tokens[k + 1].text == "."
                if risky and (token.text == "{" or filled) or token.text == "{" and designated and risky is None:
                    yield self.brace(token, f"a temporary of the aggregate {shown}")
                elif token.text == "{" and filled and named[0].text == "std" and named[-1].text in OWNING | {">"} and \
                        any(each.text in ("vector", "map", "set", "list", "deque", "unordered_map", "unordered_set") for each in named):
                    yield Finding(token.line, "braces", f"{shown}{{…}} in a co_await expression: g++ 12 does not compile an "
                                  "initializer_list there; give it a name first")
            elif token.text == "{" and previous.text in ("(", ",", "co_return", "return"):
                yield from self.bare(expression, k)

    def bare(self, expression, k):
        """A braced list that is an argument by itself."""
        tokens, pairs = expression.tokens, expression.pairs
        opened = max((each for each in pairs if each < k < pairs[each] and tokens[each].text == "("), default=None)
        callee, parameters = "", []
        if opened is not None and any(each for each in pairs if opened < each < k and pairs[each] > k and tokens[each].text == "{"):
            return  # inside of another list: that one is reported
        if opened:
            at = opened - 1
            callee = tokens[at].text
            if callee == ">":
                at = max((each for each in range(at) if tokens[each].text == "<"), default=1) - 1
                callee = tokens[at].text
            index = len(split(tokens[opened + 1:k])) - 1 if k > opened + 1 else 0
            parameters = [each[index] for each in self.types.parameters(callee) if index < len(each)]
        known = [self.risk_of(each) for each in parameters]
        if False in known and True not in known:
            return
        what = f"a braced list for {callee}(…)" if callee else "a braced list"
        yield self.brace(tokens[k], what)

    def risk_of(self, parameter):
        if any(each.text == "initializer_list" for each in parameter):
            return True
        equal = next((k for k, each in enumerate(parameter) if each.text == "="), len(parameter))
        parameter = [each for each in parameter[:equal] if each.text not in ("&", "&&", "...")]
        name, at = declared_name(parameter)
        return self.types.risky_aggregate(parameter[:at] if name else parameter)

    def brace(self, token, what):
        return Finding(token.line, "braces", f"{what} in a co_await expression: g++ 12 destroys an aggregate twice there, and does "
                                             "not compile an initializer_list; give it a name first, or its type a constructor")

    def closures(self, expression, function):
        for token in expression.tokens:
            if token.kind != "lambda":
                continue
            for capture in token.captures:
                if not capture or capture[0].text in ("&", "=", "this", "*"):
                    continue
                name = capture[0].text
                moved = next((k for k, each in enumerate(capture) if each.text == "move"), None)
                source = capture[moved + 2].text if moved and moved + 2 < len(capture) else name
                owns = self.types.owns(function.variables.get(source, []))
                made = any(each.text in OWNING | MAKERS for each in capture[1:])
                if owns or made or moved and owns is None and source in function.variables:
                    yield Finding(token.line, "closure", f"a temporary lambda that holds {name}, in a co_await expression: g++ 12 destroys "
                                  "it twice; capture by reference, or give the lambda a name first")
                    break


def awaited_line(expression):
    return next(each.line for each in expression.tokens if each.text == "co_await")


def matching_colon(expression, question):
    """The index of the colon that belongs to the question mark."""
    depth, k = 0, question + 1
    while k < len(expression.tokens):
        text = expression.tokens[k].text if expression.tokens[k].kind == "mark" else ""
        if text in ("(", "[", "{") and k in expression.pairs:
            k = expression.pairs[k]
        elif text == "?":
            depth += 1
        elif text == ":":
            if depth == 0:
                return k
            depth -= 1
        k += 1
    return len(expression.tokens)


def operand_end(expression, first, stops):
    """The index behind the operand that begins at first."""
    depth, k = 0, first
    while k < len(expression.tokens):
        token = expression.tokens[k]
        text = token.text if token.kind == "mark" else ""
        if text in ("(", "[", "{") and k in expression.pairs:
            k = expression.pairs[k]
        elif text in (")", "]", "}"):
            return k
        elif text == "?" and "?" not in stops:
            depth += 1
        elif text in stops and not (text == ":" and depth):
            return k
        elif text == ":":
            depth -= 1
        k += 1
    return k


def is_binary(tokens, k):
    """Whether && at k joins two operands, and makes no reference of a type."""
    return 0 < k < len(tokens) - 1 and tokens[k - 1].text not in ("auto", "(", ",", ">") and tokens[k + 1].text not in (")", ",", ">", "...")


def type_before(tokens, k):
    """The tokens of the name in front of an opening bracket, with what qualifies it: `a::b<c>` of `a::b<c>{`."""
    end, k = k, k - 1
    if k >= 0 and tokens[k].text == ">":
        depth = 0
        while k >= 0:
            depth += {">": 1, "<": -1}.get(tokens[k].text, 0)
            k -= 1
            if depth == 0:
                break
    if k < 0 or tokens[k].kind != "name" or tokens[k].text in NO_OPERAND:
        return None
    while k >= 2 and tokens[k - 1].text == "::" and tokens[k - 2].kind == "name":
        k -= 2
    if k and tokens[k - 1].text in (".", "->"):
        return None
    return tokens[k:end]
