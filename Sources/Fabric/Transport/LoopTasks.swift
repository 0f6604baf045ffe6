package import NIOCore

/// Has tasks run on an event loop's own thread: a request is worked on where its bytes came in, and leaves the thread only
/// while it waits for the disk or for another service. What follows a wait comes back to the same thread without waking
/// another one. A class, because the runtime holds executors by reference.
package final class LoopTasks: TaskExecutor {
  private let loop: any EventLoop

  package init(_ loop: any EventLoop) { self.loop = loop }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    // The closure keeps this executor for as long as the job runs.
    loop.execute { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
