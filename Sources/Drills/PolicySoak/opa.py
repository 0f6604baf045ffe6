"""The real Open Policy Agent as the other engine of `soak policy`, by its Python bindings: reads policies from standard
input, one JSON document a line, and answers each with a line, as peer.py does. Errors of builtins end an evaluation here."""

import json, os, sys

from opa_bindings import OpaEngine, OpaError

# What the engine itself prints must not come between the answers.
answer_file = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

def answered(work):
    engine = OpaEngine()
    try:
        engine.add_data(work["data"])
        engine.add_policy("p.rego", work["source"])
        answers = []
        for document in work["inputs"]:
            try:
                found = engine.eval_query("x = data.p", document)
                answers.append({"value": found[0]["x"]} if found else {})
            except OpaError as problem:
                if problem.code != "eval_error":
                    raise
                answers.append({"error": str(problem)[:2000]})
        return {"answers": answers}
    except OpaError as problem:
        return {"refused": str(problem)[:2000]}
    finally:
        engine.close()

for line in sys.stdin:
    answer_file.write(json.dumps(answered(json.loads(line))) + "\n")
    answer_file.flush()
