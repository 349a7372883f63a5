/// A page in Prometheus's text format, version 0.0.4: families of samples, each with its help and its type.
public struct PrometheusText: Sendable {
    public static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    public enum Kind: String, Sendable {
        case counter, gauge
    }

    /// One line of a family. Labels are few and from closed lists: every combination is a series that is kept for ever.
    public struct Sample: Sendable {
        let labels: [(name: String, value: String)]
        let value: Double

        public init(_ value: Double, _ labels: (name: String, value: String)...) {
            self.labels = labels
            self.value = value
        }

        public init(_ value: Int, _ labels: (name: String, value: String)...) {
            self.labels = labels
            self.value = Double(value)
        }
    }

    /// What a histogram has seen: how often a value fell into each bucket (not added up), and the sum of all values.
    public struct Distribution: Sendable {
        let bounds: [Double]
        let counts: [Int]
        let sum: Double
        let labels: [(name: String, value: String)]

        /// - Parameter counts: one for each bound, and a last one for what is above all of them.
        public init(bounds: [Double], counts: [Int], sum: Double, labels: [(name: String, value: String)] = []) {
            precondition(counts.count == bounds.count + 1)
            self.bounds = bounds
            self.counts = counts
            self.sum = sum
            self.labels = labels
        }
    }

    private var out: [UInt8] = []

    public init() {
        out.reserveCapacity(16 * 1024)
    }

    public var bytes: [UInt8] { out }

    /// A family without samples is left out: a value that is not known is no value.
    public mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        head(name, kind.rawValue, help)
        for sample in samples { line(name, sample.labels, sample.value) }
    }

    public mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        add(name, kind, help, [Sample(value)])
    }

    public mutating func add(_ name: String, _ help: String, _ histograms: [Distribution]) {
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
        out += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n".utf8
    }

    private mutating func line(_ name: String, _ labels: [(name: String, value: String)], _ value: Double) {
        out += name.utf8
        for (index, label) in labels.enumerated() {
            out += (index == 0 ? "{" : ",").utf8
            out += label.name.utf8
            out += "=\"".utf8
            for byte in label.value.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): out += #"\\"#.utf8
                case UInt8(ascii: "\""): out += #"\""#.utf8
                case UInt8(ascii: "\n"): out += #"\n"#.utf8
                default: out.append(byte)
                }
            }
            out.append(UInt8(ascii: "\""))
        }
        if !labels.isEmpty { out.append(UInt8(ascii: "}")) }
        out += " \(Self.number(value))\n".utf8
    }

    /// A whole number is written as one.
    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
    }
}
