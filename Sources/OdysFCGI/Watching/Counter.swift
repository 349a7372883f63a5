internal import OdysCore
internal import Synchronization

/// A number that only grows, and that any thread may add to.
final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    func add(_ number: Int = 1) { value.add(number, ordering: .relaxed) }

    var count: Int { value.load(ordering: .relaxed) }
}

/// A counter for each label of a closed list, all made at the start, so that counting allocates nothing.
struct Counters<Label: Hashable & Sendable>: Sendable {
    private let labels: [Label]
    private let counters: [Label: Counter]

    init(_ labels: [Label]) {
        self.labels = labels
        counters = Dictionary(labels.map { ($0, Counter()) }) { first, _ in first }
    }

    /// A label that is not on the list is not counted.
    func add(_ label: Label) { counters[label]?.add() }

    func contains(_ label: Label) -> Bool { counters[label] != nil }

    /// Label and count, in the order of the list.
    var counts: [(label: Label, count: Int)] {
        labels.map { ($0, counters[$0]?.count ?? 0) }
    }
}

/// How often something took how long.
struct Histogram: Sendable {
    private let bounds: [Double]
    private let buckets: [Counter]
    private let microseconds = Counter()

    init(_ bounds: [Double]) {
        self.bounds = bounds
        buckets = (0...bounds.count).map { _ in Counter() }
    }

    func note(seconds: Double) {
        buckets[bounds.firstIndex { seconds <= $0 } ?? bounds.count].add()
        microseconds.add(Int(max(0, seconds) * 1e6))
    }

    func distribution(_ labels: (name: String, value: String)...) -> PrometheusText.Distribution {
        PrometheusText.Distribution(
            bounds: bounds, counts: buckets.map(\.count), sum: Double(microseconds.count) / 1e6, labels: labels)
    }
}
