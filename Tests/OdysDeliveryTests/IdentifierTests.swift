import OdysCore
import OdysHost
import Testing

@Suite struct IdentifierTests {
    @Test("Identifier: a UUID of version 7")
    func aTextIsAUUIDOfVersion7() throws {
        var seen: Set<String> = []
        let before = Clock.now.microseconds / 1_000
        for _ in 0..<500 {
            let text = Identifier.text()
            let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            #expect(parts.map(\.count) == [8, 4, 4, 4, 12])
            #expect(text.allSatisfy { "0123456789abcdef-".contains($0) })
            #expect(parts[2].first == "7" && ["8", "9", "a", "b"].contains(parts[3].first))
            let time = try #require(Int64(parts[0] + parts[1], radix: 16))
            #expect((before...Clock.now.microseconds / 1_000).contains(time))
            seen.insert(text)
        }
        #expect(seen.count == 500)
    }
}
