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

extension CounterLabel {
    /// The label as each of its values writes it.
    fileprivate var pairs: [[PrometheusText.Label]] { texts.map { name.isEmpty ? [] : [(name, $0)] } }
}

extension CounterLabel where Value == NoLabel {
    fileprivate static var none: Self { Self("", NoLabel.allCases) { _ in "" } }
}

extension CounterLabel where Value: RawRepresentable<String> {
    init(_ name: String, _ values: [Value]) { self.init(name, values, text: \.rawValue) }
}

/// The value of a label that a family does not have.
enum NoLabel: CaseIterable {
    case none
}

/// One counter for each combination of up to three labels. All are made at the start, so that counting does not lock.
///
/// Three type parameters and no parameter pack: code for a pack is not specialised, and counts forty times as slowly.
struct CounterFamily<A: Equatable & Sendable, B: Equatable & Sendable, C: Equatable & Sendable>: Sendable {
    let name: String
    let help: String
    private let labels: (CounterLabel<A>, CounterLabel<B>, CounterLabel<C>)
    /// In the order of `samples`: the last label changes fastest.
    private let counters: [Counter]

    init(_ name: String, _ help: String, _ a: CounterLabel<A>, _ b: CounterLabel<B>, _ c: CounterLabel<C>) {
        self.name = name
        self.help = help
        labels = (a, b, c)
        counters = (0..<a.values.count * b.values.count * c.values.count).map { _ in Counter() }
    }

    /// - Returns: false where a value is not on its label's list; then nothing is counted.
    @discardableResult func add(_ a: A, _ b: B, _ c: C) -> Bool {
        guard let a = labels.0.values.firstIndex(of: a), let b = labels.1.values.firstIndex(of: b),
            let c = labels.2.values.firstIndex(of: c)
        else { return false }
        counters[(a * labels.1.values.count + b) * labels.2.values.count + c].add()
        return true
    }

    /// Of all combinations.
    var total: Int { counters.reduce(0) { $0 + $1.count } }

    var samples: [(value: Int, labels: [PrometheusText.Label])] {
        let combinations = labels.0.pairs.flatMap { a in
            labels.1.pairs.flatMap { b in labels.2.pairs.map { a + b + $0 } }
        }
        return zip(counters, combinations).map { ($0.count, $1) }
    }
}

extension CounterFamily where C == NoLabel {
    init(_ name: String, _ help: String, _ a: CounterLabel<A>, _ b: CounterLabel<B>) {
        self.init(name, help, a, b, .none)
    }

    @discardableResult func add(_ a: A, _ b: B) -> Bool { add(a, b, .none) }
}

extension CounterFamily where B == NoLabel, C == NoLabel {
    init(_ name: String, _ help: String, _ a: CounterLabel<A>) { self.init(name, help, a, .none, .none) }

    func add(_ a: A) { add(a, .none, .none) }
}

extension CounterFamily where A == NoLabel, B == NoLabel, C == NoLabel {
    init(_ name: String, _ help: String) { self.init(name, help, .none, .none, .none) }

    func add() { add(.none, .none, .none) }
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
