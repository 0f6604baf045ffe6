"""Asks a real Open Policy Agent what it makes of `not` before each of some thousand expressions, and prints negation.json.

    pip download --no-deps --python-version 3.14 --only-binary :all: opa-golib-python-bindings && unzip *.whl
    PYTHONPATH=. python3 negation.py >negation.json

A verdict has a letter for each input: t holds, - undefined, e an error of a builtin (which are errors here); R: refused."""

import json

from opa_bindings import OpaEngine, OpaError

PRELUDE = '''package p

f(x) := x

yes(x) if x == 1

obj(x) := {"x": x, "l": [x]}

t := {"a": 1, "b": {"c": false}, "l": [1, 2]}

unset if input.never

ok if input.a == 1

many contains x if some x in input.xs
'''
DATA = {"d": {"a": 1, "no": False, "l": [1, 2]}}
INPUTS = [{}, {"a": 1, "k": "a", "s": "a", "xs": [1, 2], "o": {"a": 1}}, {"a": 2, "k": "zz", "s": "b", "xs": [], "o": {}},
          {"a": False, "k": "no", "s": 7, "xs": [False, 1], "o": {"a": False}}, {"a": None, "xs": [2, 3], "k": 1}]
TERMS = [
    "input.a", "input.o.a", "input.o[input.k]", "data.d[input.k]", "t[input.k]", "data.d.zz",
    "data.nowhere", "unset", "ok", "input.xs[_]", "input.xs[0]", "many[_]", "f(input.a)",
    "f(f(input.a))", "yes(input.a)", "input.a + 1", "lower(input.s)", "max([])", "[input.a]",
    "[[input.a], 1]", "{input.a}", '{"k": input.a}', "{input.s: 1}", "[1 | input.a]",
    "[x | x := input.xs[_]]", "{x | x := input.xs[_]}", "obj(input.a).x", "obj(input.a).l[0]",
    '$"{input.a}"', "(input.a == 1)", "(input.a in {1})", "count(input.xs)", "1", "local", "local.a",
    "false",
]
CONTEXTS = [
    "A", "(A)", "f(A)", "yes(A)", "f(A, true)", "obj(A)", "obj(A).x", "obj(A).l[0]", "f(f(A))",
    "f([A])", "f({1: A})", 'startswith(A, "a")', "count(A) > 0", "is_number(A)",
    'type_name(A) == "number"', "A == 1", "1 == A", "A = 1", "1 = A", "A == input.a", "A = input.a",
    "A != 1", "A < 1", "2 >= A", "A in {1, 2}", "1 in A", "0, A in [1]", "A + 1 == 2", "A == f(1)",
    "f(A) == input.zz", "f(A) == 1", "yes(A) == true", "[A]", "[A] == [1]", "[A] = [1]", "{A}",
    "{A} == {1}", "{A: 1}", '{"a": A} == {"a": 1}', "[A][0]", '{"a": A}.a', "[[A]] == [[1]]",
    "[A, f(A)] == [1, 1]", "data.d[A]", "t[A]", "input.o[A]", "data.d[A] == 1", "f(data.d[A])",
    "t.b[A]", "data.d[A].x", '$"{A}" == "1"', 'startswith($"{A}", "a")', '$"{A}"', "[y | y := A]",
    "[y | y := A] == []", "count([1 | A]) == 0", "count([1 | not f(A)]) == 1", "{y | y := A}[1]",
    "A with input.z as 1", "f(A) with input.z as 1", "f(A) with input.a as 1",
    "ok with input.a as A", "ok with input.z as A", "ok with data.d as A", "f(1) with f as A",
    "yes(1) with input.z as f(A)", "data.d.a with data.d.a as A", "f(A) with f as yes",
    "unset with input.never as A", "object.get(input, A, 0) == 0", 'object.get(A, "a", 0) == 0',
    'object.get(input, ["o", A], 0) == 0', "walk(A, [_, 1])", "every_one(A)", "(A == 1) == true",
    "(A == 1) == false", "A == A", "f(A) == f(A)", "union({{A}}) == {1}", "print(A)", "[A] in [[1]]",
]
PRELUDE += '''
every_one(x) if {
	every y in [x] { y == 1 }
}
'''

def verdict(source):
    letters = ""
    for document in INPUTS:
        engine = OpaEngine()
        try:
            engine.add_data(DATA)
            engine.add_policy("p.rego", source)
            found = engine.eval_query("x = data.p.r", document)
            letters += "t" if found else "-"
        except OpaError as problem:
            if problem.code != "eval_error":
                return "R"
            letters += "e"
        finally:
            engine.close()
    return letters

def source(expression):
    first = "local := input.o\n\t" if "local" in expression else ""
    return PRELUDE + "\nr if {\n\t" + first + "not " + expression + "\n}\n"

forms = []
for context in CONTEXTS:
    for term in TERMS:
        form = context.replace("A", term)
        # What `print` shows is no decision; a text with values as the first key of an object it reads only at times.
        if not form.startswith(("print(", '{$"')) and form not in forms:
            forms.append(form)

print(json.dumps({"prelude": PRELUDE, "data": DATA, "inputs": INPUTS}, ensure_ascii=False)[:-1] + ', "forms": [')
print(",\n".join(json.dumps([form, verdict(source(form))], ensure_ascii=False) for form in forms))
print("]}")
