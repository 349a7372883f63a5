internal import Glibc

/// Which parser this process feeds.
private let target = getenv("ODYS_FUZZ_TARGET").flatMap { Target(rawValue: String(cString: $0)) }

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    guard let target else { preconditionFailure("ODYS_FUZZ_TARGET names no target") }
    target.read(Array(UnsafeBufferPointer(start: data, count: size)))
    return 0
}
