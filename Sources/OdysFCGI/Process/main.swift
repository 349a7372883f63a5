// odys-fcgi: the responder. Settings come from the environment; see README.md.

internal import CFCGI
internal import Glibc
internal import Logging
internal import OdysCore
internal import OdysHost

ProcessMemory.forbidDumps()

// mallopt(3): left alone, each thread has an arena, which keeps what it freed from all others. More than a few serve
// nobody, as no more threads than processors run at a time.
_ = mallopt(M_ARENA_MAX, 2 * Int32(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

let exitCode: Int32
do throws(SettingsError) {
    let settings = try Settings(.process, timeZoneProblem: LocalTime.problem)
    try LocalTime.use(zone: settings.messaging.timeZone)
    LoggingSystem.bootstrap { _ in LineLogHandler(settings) }
    let log = Logger(label: "odys")
    for name in settings.unknown { log.warning("\(name) is set, but there is no such setting; is it misspelt?") }
    for warning in settings.warnings { log.warning("\(warning)") }
    exitCode = try Responder(settings, log: log).run()
} catch {
    for problem in error.problems { StandardError.put(Array("odys-fcgi: \(problem.shown)\n".utf8)) }
    exitCode = 2
}
exit(exitCode)
