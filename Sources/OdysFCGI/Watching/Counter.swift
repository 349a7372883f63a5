internal import OdysCore
internal import Synchronization

/// A number that only grows, and that any thread may add to.
final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    func add(_ number: Int = 1) { value.add(number, ordering: .relaxed) }

    var count: Int { value.load(ordering: .relaxed) }
}

/// A label of a counter, with the closed list of its values: each combination of labels is a series that is kept for
/// ever.
struct CounterLabel<Value: Equatable & Sendable>: Sendable {
    let name: String
    let values: [Value]
    let texts: [String]

    init(_ name: String, _ values: [Value], text: (Value) -> String) {
        self.name = name
        self.values = values
        texts = values.map(text)
    }
}

extension CounterLabel where Value: RawRepresentable<String> {
    init(_ name: String, _ values: [Value]) { self.init(name, values, text: \.rawValue) }
}

/// One counter for each combination of labels, or a single one where there are no labels. All are made at the start,
/// so that counting does not lock.
struct CounterFamily<each Value: Equatable & Sendable>: Sendable {
    let name: String
    let help: String
    private let labels: (repeat CounterLabel<each Value>)
    /// In the order of `samples`: the last label changes fastest.
    private let counters: [Counter]

    init(_ name: String, _ help: String, _ labels: repeat CounterLabel<each Value>) {
        self.name = name
        self.help = help
        self.labels = (repeat each labels)
        var combinations = 1
        for label in repeat each labels { combinations *= label.values.count }
        counters = (0..<combinations).map { _ in Counter() }
    }

    /// - Returns: false where a value is not on its label's list; then nothing is counted.
    @discardableResult func add(_ values: repeat each Value) -> Bool {
        var index = 0
        for (label, value) in repeat (each labels, each values) {
            guard let place = label.values.firstIndex(of: value) else { return false }
            index = index * label.values.count + place
        }
        counters[index].add()
        return true
    }

    /// Of all combinations.
    var total: Int { counters.reduce(0) { $0 + $1.count } }

    var samples: [(value: Int, labels: [PrometheusText.Label])] {
        var combinations: [[PrometheusText.Label]] = [[]]
        for label in repeat each labels {
            combinations = combinations.flatMap { before in label.texts.map { before + [(label.name, $0)] } }
        }
        return zip(counters, combinations).map { ($0.count, $1) }
    }
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
