import Charters
import Chassis
import Commands
import Launcher
import OperatorCommands
import Vocabulary

/// The lab's program is the operator's too, and is often built after `up`: this program, for which the launcher vouches,
/// lays down the lab's record before it becomes the lab. Without a running platform there is nothing to lay down.
enum LabRegistration {
  /// - Parameter words: of the command; its `--home` says where.
  static func lay(for words: [String]) {
    guard let home = Home(absolute: absolutePath(place(in: words))), HomeLock.isHeld(home),
      let lab = try? ExecutableFile(Program.lab.path)
    else { return }
    let record = LaunchRecord(
      service: Charter.operatorName, pid: nil, executable: lab, startedAt: Clock.system.now())
    // Who may not write there is not this home's operator, and the authority will say so.
    try? record.write(to: home, of: .lab)
  }

  /// The word behind `--home`, which the lab's parser reads again.
  private static func place(in words: [String]) -> String {
    let prefix = "--home="
    for (word, next) in zip(words, words.dropFirst() + [""]) {
      if word == "--home" { return next }
      if word.hasPrefix(prefix) { return String(word.dropFirst(prefix.count)) }
    }
    return PlaceOptions.homeDefault
  }
}
