package import StrictJSON

/// One JSON value on one line of standard output.
package func printLine(_ value: JSON) {
  print(LegibleText.ofJSON(String(decoding: value.canonicalBytes, as: UTF8.self)))
}
