import Probes

Prober.run(Array(CommandLine.arguments.dropFirst()))
