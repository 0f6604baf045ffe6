"""The other engine of `soak policy`: reads policies from standard input, one JSON document a line, and answers each with a line:
what `data.p` is for each input, or that it is an error, or that there is nothing."""

import json, os, sys

import regopy

def plain(part):
    return {k: plain(v) for k, v in part.items()} if isinstance(part, dict) else (
        [plain(p) for p in part] if isinstance(part, list) else part)

# What the engine itself prints must not come between the answers.
answer_file = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

def answer(document):
    answer_file.write(json.dumps(document) + "\n")
    answer_file.flush()

for line in sys.stdin:
    work = json.loads(line)
    answers = []
    try:
        engine = regopy.Interpreter()
        engine.add_module("p.rego", work["source"])
        engine.add_data(work["data"])
        bundle = engine.build("data.p")
    except Exception as problem:
        answer({"refused": str(problem)[:2000]})
        continue
    for document in work["inputs"]:
        try:
            engine.set_input(document)
            output = str(engine.query_bundle(bundle))
            if output == "undefined":
                answers.append({})
                continue
            try:
                found = json.loads(output)
            except ValueError:
                raise ValueError("no JSON: " + output)
            found = found.get("result", [found])
            answers.append({"value": plain(found[0]["expressions"][0])} if found else {})
        except Exception as problem:
            answers.append({"error": str(problem)[:2000]})
    answer({"answers": answers})
