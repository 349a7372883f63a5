/// Records of the FastCGI protocol (specification 1.0, sections 3.3, 3.4 and 8): a head of eight bytes, content,
/// padding.
public enum FastCGIRecord {
    public enum Kind: UInt8, Sendable {
        case beginRequest = 1
        case endRequest = 3
        case parameters = 4
        case standardInput = 5
        case standardOutput = 6
        case standardError = 7
    }

    public struct Head: Sendable, Equatable {
        public let version: UInt8
        /// Nil for a type that is not spoken here.
        public let kind: Kind?
        public let requestID: UInt16
        public let contentLength: Int
        public let paddingLength: Int

        public static let bytes = 8

        /// - Parameter bytes: at least the eight of the head.
        public init(_ bytes: UnsafeRawBufferPointer) {
            version = bytes[0]
            kind = Kind(rawValue: bytes[1])
            requestID = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
            contentLength = Int(bytes[4]) << 8 | Int(bytes[5])
            paddingLength = Int(bytes[6])
        }
    }

    private static let contentMax = 0xFFFF

    /// Appends one record without padding.
    public static func append(_ kind: Kind, _ id: UInt16, _ content: ArraySlice<UInt8>, to out: inout [UInt8]) {
        let length = UInt16(content.count)
        out += [
            1, kind.rawValue, UInt8(id >> 8), UInt8(id & 0xFF), UInt8(length >> 8), UInt8(length & 0xFF), 0, 0,
        ]
        out.append(contentsOf: content)
    }

    /// Appends a whole stream: as few records as it takes, and the empty one that ends it.
    public static func append(stream kind: Kind, _ id: UInt16, _ content: [UInt8], to out: inout [UInt8]) {
        for start in stride(from: 0, to: content.count, by: contentMax) {
            append(kind, id, content[start..<min(start + contentMax, content.count)], to: &out)
        }
        append(kind, id, [], to: &out)
    }

    /// The content of a parameter stream: a length of one byte, or of four with the top bit set, for each name and
    /// value.
    public static func parameters(_ pairs: [(name: String, value: String)]) -> [UInt8] {
        pairs.flatMap { pair in
            [pair.name, pair.value].flatMap { text -> [UInt8] in
                let count = text.utf8.count
                return count < 128
                    ? [UInt8(count)] : [3, 2, 1, 0].map { UInt8(count >> (8 * $0) & 0xFF) | ($0 == 3 ? 0x80 : 0) }
            } + Array(pair.name.utf8) + Array(pair.value.utf8)
        }
    }
}
