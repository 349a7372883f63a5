import Testing

@testable import OdysCore

@Suite struct TraceTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"

    @Test(
        "traceparent: a valid one gives the trace id",
        arguments: ["00-\(trace)-b7ad6b7169203331-01", "cc-\(trace)-b7ad6b7169203331-01-later"]
    )
    func aValidTraceparentNamesItsTrace(value: String) {
        #expect(Self.traceID([Header("HTTP_TRACEPARENT", value)]) == Self.trace)
    }

    @Test(
        "traceparent: an invalid one gives none",
        arguments: [
            "", "00", "00-\(trace)-b7ad6b7169203331", "00-\(trace)-b7ad6b7169203331-01-more",
            "ff-\(trace)-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-\(trace)-0000000000000000-01", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-\(trace)x-b7ad6b7169203331-01", "00-zzf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ])
    func anythingElseNamesNone(value: String) {
        #expect(Self.traceID([Header("HTTP_TRACEPARENT", value)]) == nil)
    }

    @Test("traceparent: a repeated one gives none")
    func aRepeatedOneNamesNone() {
        let value = "00-\(Self.trace)-b7ad6b7169203331-01"
        #expect(Self.traceID([Header("HTTP_TRACEPARENT", value), Header("HTTP_TRACEPARENT", value)]) == nil)
    }

    private static func traceID(_ parameters: [Header]) -> String? {
        InterfaceWorld().interface.traceID(
            of: Request(method: "PATCH", target: "/", parameters: parameters, body: .bytes([])))
    }
}
