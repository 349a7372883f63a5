/// How a transfer ended, as far as the protocol got.
struct TransferResult {
    enum Failure: Equatable {
        /// Nothing of the message can have arrived: no name, no connection.
        case notConnected
        /// The TLS handshake failed, or the certificate is not valid.
        case tls
        /// The server does not offer the STARTTLS that we require.
        case noSTARTTLS
        /// The server refused the login.
        case login
        /// The server refused (the code says what), or violated the protocol.
        case refused
        /// The connection was closed, reset or timed out.
        case broken
        /// The answer has more than `Limits.answerBytesMax` bytes.
        case tooLarge
        /// Any other error of libcurl's.
        case other
    }

    /// Nil where libcurl finished the transfer; the code may still be an error of the server's.
    let failure: Failure?
    /// The last HTTP status or SMTP reply code; 0 where none came.
    let code: Int
    let body: [UInt8]
    /// Bytes of the request that were written, headers and body.
    let bytesSent: Int
    /// SMTP: the first four letters of the last command, such as `RCPT`; empty before the first one.
    let command: String
    /// SMTP: the lines of the last reply. They may name the recipient.
    let reply: String
    /// Seconds or a date, as the server wrote it.
    let retryAfterSeconds: Double?
    /// For the operator: what failed, mostly in libcurl's own words, which quote nothing of ours.
    let reason: String
}
