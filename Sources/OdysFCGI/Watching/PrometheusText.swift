/// A page in Prometheus's text format, version 0.0.4: families of samples, each with its help and its type.
struct PrometheusText: Sendable {
    static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    enum Kind: String, Sendable {
        case counter, gauge
    }

    typealias Label = (name: String, value: String)

    private(set) var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(16 * 1024) }

    /// A family without samples is left out: a value that is not known is no value.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [(value: Double, labels: [Label])]) {
        guard !samples.isEmpty else { return }
        head(name, kind.rawValue, help)
        for sample in samples { line(name, sample.labels, sample.value) }
    }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [(value: Int, labels: [Label])]) {
        add(name, kind, help, samples.map { (Double($0.value), $0.labels) })
    }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        add(name, kind, help, [(value, [])])
    }

    mutating func add<Key>(
        _ family: CounterFamily<Key>, where isShown: ((value: Int, labels: [Label])) -> Bool = { _ in true }
    ) { add(family.name, .counter, family.help, family.samples.filter(isShown)) }

    mutating func add(_ name: String, _ help: String, _ histograms: [Histogram]) {
        guard !histograms.isEmpty else { return }
        head(name, "histogram", help)
        for histogram in histograms {
            var sum = 0
            for (bound, count) in zip(histogram.bounds.map(Self.number) + ["+Inf"], histogram.counts) {
                sum += count
                line("\(name)_bucket", histogram.labels + [("le", bound)], Double(sum))
            }
            line("\(name)_sum", histogram.labels, histogram.sum)
            line("\(name)_count", histogram.labels, Double(sum))
        }
    }

    private mutating func head(_ name: String, _ type: String, _ help: String) {
        bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n".utf8
    }

    private mutating func line(_ name: String, _ labels: [Label], _ value: Double) {
        let pairs = labels.map { label in
            let escaped = label.value.replacing("\\", with: #"\\"#).replacing("\"", with: #"\""#)
                .replacing("\n", with: #"\n"#)
            return "\(label.name)=\"\(escaped)\""
        }
        let set = pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
        bytes += "\(name)\(set) \(Self.number(value))\n".utf8
    }

    /// A whole number is written as one.
    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
    }
}
