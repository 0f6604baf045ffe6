"""The other engines of `bench policy`, in Python: reads workloads from the file that it is given, and writes one line of JSON
for each engine and workload. A decision includes what the engine's interface makes of the input; policies are compiled
beforehand."""

import ctypes, json, sys, time

workloads, seconds = json.load(open(sys.argv[1])), float(sys.argv[2])

try:
    heap_count = ctypes.CDLL(None).strongroom_heap_count
    heap_count.restype = ctypes.c_uint64
except AttributeError:
    heap_count = None

def measure(engine, workload, questions, decide, agrees):
    different = sum(0 if agrees(decide(q), e) else 1
                    for q, e in zip(questions, workload["expected"]))
    before = heap_count and heap_count()
    for question in questions:
        decide(question)
    allocations = heap_count and (heap_count() - before) / len(questions)
    times, number, start = [], 0, time.perf_counter_ns()
    last = start
    while last - start < seconds * 1e9:
        decide(questions[number % len(questions)])
        number += 1
        now = time.perf_counter_ns()
        times.append(now - last)
        last = now
    times.sort()
    print(json.dumps({
        "engine": engine, "workload": workload["name"],
        "perSecond": 1e9 * len(times) / sum(times),
        "p50Microseconds": times[len(times) // 2] / 1e3,
        "p99Microseconds": times[min(len(times) - 1, int(len(times) * 0.99))] / 1e3,
        "allocations": allocations, "different": different}), flush=True)

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
        def plain(part):
            if isinstance(part, list):
                return sorted((plain(p) for p in part), key=json.dumps)
            if isinstance(part, dict):
                return {k: plain(v) for k, v in part.items()}
            return part
        return plain(value) == plain(expected)
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
    for engine in (rego, cedar):
        if engine is cedar and "cedar" not in workload:
            continue
        try:
            engine(workload)
        except Exception as problem:
            print(f"{engine.__name__}: {workload['name']}: {str(problem)[:300]}", file=sys.stderr)
