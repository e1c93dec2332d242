"""What is known of types by their names: whether a temporary of one needs a destructor, and whether it is an aggregate."""

from .brackets import QUALIFIERS, SPECIFIERS, split
from .structure import Structure

# Of the standard library: what has nothing to destroy, what has, and what depends on its arguments.
TRIVIAL = {"string_view", "span", "size_t", "ptrdiff_t", "byte", "error_code", "error_condition", "nullptr_t", "coroutine_handle",
           "nanoseconds", "microseconds", "milliseconds", "seconds", "minutes", "hours", "duration", "time_point",
           "initializer_list", "stop_token", "reference_wrapper", "nullopt_t", "chrono", "native_handle"}
OWNING = {"string", "vector", "map", "set", "multimap", "multiset", "unordered_map", "unordered_set", "list", "deque", "function",
          "unique_ptr", "shared_ptr", "weak_ptr", "any", "path", "thread", "jthread", "ostringstream", "stringstream",
          "istringstream", "move_only_function", "exception_ptr", "promise", "future", "basic_string", "wstring", "u8string"}
OF_ARGUMENTS = {"optional", "pair", "tuple", "array", "variant", "expected"}
MAKERS = {"to_string", "make_unique", "make_shared", "format", "quoted"}


class Types:
    def __init__(self):
        self.classes = {}
        self.enums = set()
        self.callables = {}
        self.objects = {}

    def learn(self, structure):
        for name, found in structure.classes.items():
            self.classes[name] = self.classes.get(name, []) + found
        self.enums |= structure.enums
        for name, found in structure.callables.items():
            self.callables[name] = self.callables.get(name, []) + found
        self.objects.update(structure.objects)

    def preferring(self, structure: Structure | None):
        """A copy, in which a name that the structure has too means what it means there."""
        made = Types()
        made.learn(self)
        if structure is not None:
            made.classes.update(structure.classes)
            made.callables.update(structure.callables)
            made.objects.update(structure.objects)
        return made

    def owns(self, tokens, seen=()):
        """True for a type that has something to destroy, False for one that has not, None if that is not known."""
        if any(each.text in ("*", "&", "&&") for each in tokens):
            return False
        k = next((k for k, each in enumerate(tokens) if each.text == "<"), len(tokens))
        plain = [each.text for each in tokens[:k] if each.kind == "name" and each.text not in QUALIFIERS]
        if not plain or plain == ["auto"]:
            return None
        name = plain[-1]
        if name in SPECIFIERS - {"auto"} or name in TRIVIAL or name.endswith("_t") and name not in self.classes:
            return False
        if "std" in plain or name not in self.classes:
            if name in OWNING:
                return True
            if name in OF_ARGUMENTS:
                inner = tokens[k + 1:-1]
                answers = [self.owns(each, seen) for each in split(inner) if each and each[0].kind != "number"]
                return True if True in answers else None if None in answers else False
            if "chrono" in plain:
                return False
        if name in self.enums:
            return False
        if name in self.classes and name not in seen:
            answers = [self._class_owns(each, (*seen, name)) for each in self.classes[name]]
            return True if True in answers else None if None in answers else False
        return None

    def _class_owns(self, found, seen):
        if found.destructor:
            return True
        answers = [self.owns(each, seen) for each in found.members]
        return True if True in answers else None if None in answers else False

    def risky_aggregate(self, tokens):
        """Whether a temporary of the type is destroyed twice. None if the type is not known."""
        if any(each.text in ("*", "&") for each in tokens[-1:]):
            return False
        names = []
        for each in tokens:
            if each.text == "<":
                break
            names += [each.text] if each.kind == "name" and each.text not in SPECIFIERS else []
        if not names:
            return False if tokens else None
        name = names[-1]
        if "std" in names or name in OWNING | TRIVIAL | OF_ARGUMENTS and name not in self.classes:
            return name == "array" and self.owns(tokens) is not False
        if name in self.enums:
            return False
        if name not in self.classes:
            return None
        return any(each.aggregate and self._class_owns(each, (name,)) is not False for each in self.classes[name])

    def parameters(self, name):
        """The lists of parameters that a call of that name may have; [] where nothing is known."""
        found = list(self.callables.get(name, []))
        if name in self.objects:
            found += self.callables.get(self.objects[name] + "()", [])
        return found
