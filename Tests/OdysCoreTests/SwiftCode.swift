/// As much of Swift's grammar as the tidy test needs: where comments and quotes begin and end, and where functions
/// do.
enum SwiftCode {
    struct Function {
        /// Counted from one.
        let start: Int
        let lines: Int
    }

    private enum State: Equatable {
        case code
        case lineComment
        case blockComment(depth: Int)
        case quote(closing: [UInt8], escape: [UInt8])
    }

    private static let slash = UInt8(ascii: "/")
    private static let star = UInt8(ascii: "*")
    private static let quote = UInt8(ascii: "\"")
    private static let hash = UInt8(ascii: "#")

    /// The lines of a source with comments and the contents of literals taken out. Interpolated code goes with its
    /// literal: it holds no declarations.
    static func withoutWords(_ source: String) -> [String] {
        let text = Array(source.utf8)
        var lines: [[UInt8]] = [[]]
        var state = State.code
        var index = 0
        func follows(_ what: [UInt8]) -> Bool { text[index...].starts(with: what) }
        while index < text.count {
            if text[index] == UInt8(ascii: "\n") {
                lines.append([])
                if state == .lineComment { state = .code }
                index += 1
                continue
            }
            switch state {
            case .code:
                if follows([slash, slash]) {
                    state = .lineComment
                } else if follows([slash, star]) {
                    state = .blockComment(depth: 1)
                    index += 1
                } else if let opened = opening(text, index) {
                    lines[lines.count - 1] += [quote, quote]
                    state = opened.state
                    index += opened.length - 1
                } else {
                    lines[lines.count - 1].append(text[index])
                }
            case .lineComment: break
            case .blockComment(let depth):
                if follows([slash, star]) { state = .blockComment(depth: depth + 1) }
                if follows([star, slash]) {
                    state = depth == 1 ? .code : .blockComment(depth: depth - 1)
                    index += 1
                }
            case .quote(let closing, let escape):
                if follows(escape) {
                    index += escape.count
                } else if follows(closing) {
                    state = .code
                    index += closing.count - 1
                }
            }
            index += 1
        }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The literal that opens here, with any number of `#` and of one or three quotes.
    private static func opening(_ text: [UInt8], _ index: Int) -> (state: State, length: Int)? {
        guard text[index] == quote || text[index] == hash else { return nil }
        let hashes = text[index...].prefix { $0 == hash }
        let quotes = text[(index + hashes.count)...].prefix(3).prefix { $0 == quote }
        guard !quotes.isEmpty else { return nil }
        let marks = quotes.count == 3 ? 3 : 1
        let closing = [UInt8](repeating: quote, count: marks) + hashes
        return (.quote(closing: closing, escape: [UInt8(ascii: "\\")] + hashes), hashes.count + marks)
    }

    /// Functions, initializers and computed values with bodies, nested ones too.
    static func functions(_ code: [String]) -> [Function] {
        var found: [Function] = []
        for (start, line) in code.enumerated() where declares(line) {
            var depth = 0
            var parentheses = 0
            scan: for (index, line) in code[start...].enumerated() {
                for character in line {
                    switch character {
                    case "(": parentheses += 1
                    case ")": parentheses -= 1
                    case "{": depth += 1
                    case "}":
                        depth -= 1
                        if depth == 0, parentheses == 0 {
                            found.append(Function(start: start + 1, lines: index + 1))
                            break scan
                        }
                        if depth < 0 { break scan }
                    default: break
                    }
                }
            }
        }
        return found
    }

    private static func declares(_ line: String) -> Bool {
        let words = line.split { " (<?{".contains($0) }
        return words.contains("func") || words.contains("init") && line.contains("init") && !line.contains(".init")
            || words.first == "deinit" || (words.contains("var") && line.hasSuffix("{"))
    }

    /// Whether a line of code has this word where no longer name ends with it.
    static func calls(_ word: String, _ line: String) -> Bool {
        line.ranges(of: word).contains { range in
            guard range.lowerBound > line.startIndex else { return true }
            let before = line[line.index(before: range.lowerBound)]
            return !(before.isLetter || before.isNumber || before == "_")
        }
    }
}
