internal import OdysCore
internal import Synchronization

/// A number that only grows, and that any thread may add to.
final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    func add(_ number: Int = 1) { value.add(number, ordering: .relaxed) }
    var count: Int { value.load(ordering: .relaxed) }
}

/// The key of a series with two labels.
struct LabelPair<First: Hashable & Sendable, Second: Hashable & Sendable>: Hashable, Sendable {
    let first: First
    let second: Second
}

/// One counter for each key of a closed list, since each is a series that is kept for ever. All are made at the start,
/// so that counting does not lock.
struct CounterFamily<Key: Hashable & Sendable>: Sendable {
    let name: String
    let help: String
    private let keys: [Key]
    private let labels: @Sendable (Key) -> [PrometheusText.Label]
    private let counters: [Key: Counter]

    init(_ name: String, _ help: String, _ keys: [Key], labels: @escaping @Sendable (Key) -> [PrometheusText.Label]) {
        self.name = name
        self.help = help
        self.keys = keys
        self.labels = labels
        counters = Dictionary(uniqueKeysWithValues: keys.map { ($0, Counter()) })
    }

    /// - Returns: false where the key is not on the list; then nothing is counted.
    @discardableResult func add(_ key: Key) -> Bool { counters[key]?.add() != nil }

    var samples: [(value: Int, labels: [PrometheusText.Label])] { keys.map { (counters[$0]?.count ?? 0, labels($0)) } }
}

extension CounterFamily where Key: CaseIterable & RawRepresentable<String> {
    init(_ name: String, _ help: String, by label: String) {
        self.init(name, help, Array(Key.allCases)) { [(label, $0.rawValue)] }
    }
}

extension CounterFamily {
    init<First, Second>(
        _ name: String, _ help: String, by labels: (String, String), _ first: [First], _ second: [Second]
    ) where Key == LabelPair<First, Second>, First: RawRepresentable<String>, Second: RawRepresentable<String> {
        let keys = first.flatMap { first in second.map { LabelPair(first: first, second: $0) } }
        self.init(name, help, keys) { [(labels.0, $0.first.rawValue), (labels.1, $0.second.rawValue)] }
    }

    @discardableResult func add<First, Second>(_ first: First, _ second: Second) -> Bool
    where Key == LabelPair<First, Second> { add(LabelPair(first: first, second: second)) }
}

/// How often something took how long.
struct Histogram: Sendable {
    let bounds: [Double]
    let labels: [PrometheusText.Label]
    /// One for each bound, and a last one for what is above all of them.
    private let buckets: [Counter]
    private let microseconds = Counter()

    init(_ bounds: [Double], _ labels: PrometheusText.Label...) {
        self.bounds = bounds
        self.labels = labels
        buckets = (0...bounds.count).map { _ in Counter() }
    }

    func note(seconds: Double) {
        buckets[bounds.firstIndex { seconds <= $0 } ?? bounds.count].add()
        microseconds.add(Int(max(0, seconds) * 1e6))
    }

    var counts: [Int] { buckets.map(\.count) }
    var sum: Double { Double(microseconds.count) / 1e6 }
}
