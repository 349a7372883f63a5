import OdysCore
import Testing

@testable import OdysStore

@Suite struct HostOrderTests {
    private let hosts = ["db1", "db2", "db3"]
    private let now = ContinuousClock.now

    @Test("host order: as listed")
    func hostsAreTriedAsListed() {
        #expect(HostOrder().order(hosts) == hosts)
    }

    @Test("host order: a failed host is tried last")
    func oneThatFailedIsTriedLast() {
        let order = HostOrder()
        order.failed("db1", now: now)
        #expect(order.order(hosts, now: now) == ["db2", "db3", "db1"])
        order.failed("db2", now: now)
        #expect(order.order(hosts, now: now) == ["db3", "db1", "db2"])
        order.failed("db3", now: now)
        #expect(order.order(hosts, now: now) == hosts, "where none answers, none is better than another")
    }

    @Test("host order: a failed host returns to its place after a time or an answer")
    func itComesInItsTurnAgain() {
        let order = HostOrder()
        order.failed("db1", now: now)
        let later = Limits.hostFailureSeconds
        #expect(order.order(hosts, now: now + .seconds(later - 1)) == ["db2", "db3", "db1"])
        #expect(order.order(hosts, now: now + .seconds(later)) == hosts)
        order.answered("db1")
        #expect(order.order(hosts, now: now) == hosts)
    }

    /// A silent host uses up the connect timeout: after two, a request has no time for a third.
    @Test("limits: connecting to several hosts ends within a request")
    func aConnectEndsWithinARequest() {
        #expect(Limits.connectSeconds < Limits.connectHostsSeconds)
        #expect(Limits.connectHostsSeconds + Limits.connectSeconds <= Limits.requestSeconds)
    }
}
