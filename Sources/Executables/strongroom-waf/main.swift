import Chassis
import Waf

// A program of its own: a library in C++ that reads what attackers write is in nobody else's memory.
await ServiceMain.run([WafService.self])
