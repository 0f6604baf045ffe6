"""The other engines of `bench policy`, in Python: reads workloads from the file that it is given, and writes one line of JSON
for each engine and workload. A decision includes what the engine's interface makes of the input; policies are compiled
beforehand."""

import ctypes, http.client, json, os, socket, subprocess, sys, tempfile, time

workloads, seconds = json.load(open(sys.argv[1])), float(sys.argv[2])

try:
    heap_count = ctypes.CDLL(None).strongroom_heap_count
    heap_count.restype = ctypes.c_uint64
except AttributeError:
    heap_count = None

def measure(engine, workload, questions, decide, agrees, own_nanoseconds=None):
    """own_nanoseconds gives what the engine itself says that the last decision took."""
    different = sum(0 if agrees(decide(q), e) else 1
                    for q, e in zip(questions, workload["expected"]))
    counts = heap_count if own_nanoseconds is None else None
    before = counts and counts()
    for question in questions:
        decide(question)
    allocations = counts and (counts() - before) / len(questions)
    times, number, start = [], 0, time.perf_counter_ns()
    last = start
    while last - start < seconds * 1e9:
        decide(questions[number % len(questions)])
        number += 1
        now = time.perf_counter_ns()
        times.append(own_nanoseconds() if own_nanoseconds else now - last)
        last = now
    times.sort()
    print(json.dumps({
        "engine": engine, "workload": workload["name"],
        "perSecond": 1e9 * len(times) / sum(times),
        "p50Microseconds": times[len(times) // 2] / 1e3,
        "p99Microseconds": times[min(len(times) - 1, int(len(times) * 0.99))] / 1e3,
        "allocations": allocations, "different": different}), flush=True)

def unordered(part):
    if isinstance(part, list):
        return sorted((unordered(p) for p in part), key=json.dumps)
    if isinstance(part, dict):
        return {k: unordered(v) for k, v in part.items()}
    return part

def opa(workload):
    """A real Open Policy Agent, to which OPA_BIN points, asked over HTTP; its figures are those of its own timer of the
    evaluation, so that they hold neither HTTP nor JSON."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        for name, source in workload["modules"].items():
            path = os.path.join(folder, name.replace("/", "_"))
            open(path, "w").write(source)
        json.dump(workload["data"], open(os.path.join(folder, "data.json"), "w"))
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        server = subprocess.Popen(
            [os.environ["OPA_BIN"], "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error"]
            + [os.path.join(folder, name) for name in os.listdir(folder)], stdout=subprocess.DEVNULL)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            def ask(method, path, body=None):
                connection.request(method, path, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"{path} answers {answer.status}: {text[:200]}")
                return json.loads(text)
            deadline = time.monotonic() + 60
            while True:
                try:
                    ask("GET", "/health")
                    break
                except OSError:
                    connection.close()
                    if server.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError("OPA_BIN does not start")
                    time.sleep(0.1)
            path = "/v1/" + workload["query"].replace(".", "/") + "?metrics=true"
            last = {}
            def decide(question):
                last["answer"] = ask("POST", path, json.dumps({"input": question}))
                return last["answer"]
            measure("opa", workload, workload["inputs"], decide,
                    lambda answer, expected: unordered(answer.get("result")) == unordered(expected)
                    or "result" not in answer and expected in (False, None),
                    lambda: last["answer"]["metrics"]["timer_rego_query_eval_ns"])
        finally:
            server.terminate()
            server.wait()

def rego(workload):
    import regopy
    engine = regopy.Interpreter()
    for name, source in workload["modules"].items():
        engine.add_module(name, source)
    engine.add_data(workload["data"])
    bundle = engine.build(workload["query"])
    def decide(question):
        engine.set_input(question)
        return engine.query_bundle(bundle)
    def agrees(output, expected):
        # A query whose only line is false has no result.
        if str(output) == "undefined":
            return expected in (False, None)
        found = json.loads(str(output))
        results = found.get("result", [found])
        value = results[0]["expressions"][0] if results else None
        return unordered(value) == unordered(expected)
    measure("regopy", workload, workload["inputs"], decide, agrees)

def cedar(workload):
    import cedarpy
    said = workload["cedar"]
    policies = cedarpy.PolicySet.from_str(said["policies"])
    entities = cedarpy.Entities.from_json_str(json.dumps(said["entities"]))
    def decide(request):
        return cedarpy.is_authorized(request, policies, entities)
    measure("cedarpy", workload, said["requests"], decide,
            lambda result, expected: result.allowed == expected)

for workload in workloads:
    for engine in (opa, rego, cedar):
        if engine is cedar and "cedar" not in workload or engine is opa and "OPA_BIN" not in os.environ:
            continue
        try:
            engine(workload)
        except Exception as problem:
            print(f"{engine.__name__}: {workload['name']}: {str(problem)[:300]}", file=sys.stderr)
