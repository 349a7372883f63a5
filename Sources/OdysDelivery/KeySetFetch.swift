internal import CCurl
public import OdysCore

/// Fetches the key set at an address. Used by one thread; owns its libcurl handle.
public final class KeySetFetch {
    private let url: String
    private let curl = CurlHandle()

    /// - Parameter url: `https`, or `http` on this host: `TokenSettings` has checked that.
    public init(_ url: String) { self.url = url }

    /// Why there is no key set, for the log.
    public struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
        public let description: String
    }

    /// Blocks for at most `Limits.keyFetchSeconds`. Only a 200 counts. Redirects are not followed: they lead away
    /// from the address that the operator set.
    public func fetch() -> Result<KeySet, Failure> {
        curl.prepare(url: url, protocols: url.lowercased().hasPrefix("https:") ? "https" : "http")
        curl.set(CURLOPT_TIMEOUT_MS, Limits.keyFetchSeconds * 1_000)
        let result = curl.withLists([(CURLOPT_HTTPHEADER, ["Accept: application/json"])]) { curl.perform() }
        if result.failure != nil { return failure(result.reason) }
        guard result.code == 200 else { return failure("HTTP \(result.code)") }
        do throws(KeySet.Problem) {
            return .success(try KeySet(reading: result.body))
        } catch {
            return failure("the answer \(error)")
        }
    }

    private func failure(_ reason: String) -> Result<KeySet, Failure> { .failure(Failure(description: reason)) }
}
