internal import OdysCore
internal import Synchronization

/// A number that only grows, and that any thread may add to.
final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    func add(_ number: Int = 1) { value.add(number, ordering: .relaxed) }

    var count: Int { value.load(ordering: .relaxed) }
}

/// The labels of a sample. They are few and come from closed lists: every combination is a series that is kept for
/// ever.
protocol MetricLabels: Hashable, Sendable {
    var pairs: [PrometheusText.Label] { get }
}

/// A family of counters, one for each combination of labels of a closed list, all made at the start, so that counting
/// neither locks nor allocates.
struct CounterFamily<Labels: MetricLabels>: Sendable {
    let name: String
    let help: String
    private let labels: [Labels]
    private let counters: [Labels: Counter]

    init(_ name: String, _ help: String, _ labels: [Labels]) {
        self.name = name
        self.help = help
        self.labels = labels
        counters = Dictionary(labels.map { ($0, Counter()) }) { first, _ in first }
    }

    /// - Returns: false where the combination is not on the list; then nothing is counted.
    @discardableResult
    func add(_ labels: Labels) -> Bool {
        guard let counter = counters[labels] else { return false }
        counter.add()
        return true
    }

    /// In the order of the list.
    var counts: [(labels: Labels, count: Int)] { labels.map { ($0, counters[$0]?.count ?? 0) } }
}

/// A family of one counter, without labels.
struct SingleCounter: Sendable {
    let name: String
    let help: String
    private let counter = Counter()

    init(_ name: String, _ help: String) {
        self.name = name
        self.help = help
    }

    func add() { counter.add() }

    var count: Int { counter.count }
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

    func distribution(_ labels: PrometheusText.Label...) -> PrometheusText.Distribution {
        PrometheusText.Distribution(
            bounds: bounds, counts: buckets.map(\.count), sum: Double(microseconds.count) / 1e6, labels: labels)
    }
}
