internal import CCurl
internal import OdysCore

/// libcurl's process-wide state.
public enum Curl {
    /// Called once, before any thread starts. curl_global_init(3): "not thread safe" with other libraries' set-up.
    public static func initialize() { check(curl_global_init(Int(CURL_GLOBAL_DEFAULT))) }
}

/// For calls that fail only when memory has run out or by a mistake of ours, and without which a transfer is wrong.
private func check(_ result: CURLcode, _ function: StaticString = #function) {
    precondition(result == CURLE_OK, "\(function): \(String(cString: curl_easy_strerror(result)))")
}

/// One libcurl easy handle, with the bounds that every transfer has.
///
/// Not Sendable: "never use a single handle from more than one thread at any given time" (libcurl-thread(3)).
final class CurlHandle {
    private let handle: UnsafeMutableRawPointer
    /// A class, so that libcurl's pointer to it stays valid.
    private let sink = ResponseSink()
    private let pace: Pace

    init(_ pace: Pace = .standard) {
        self.pace = pace
        guard let handle = curl_easy_init() else { preconditionFailure("curl_easy_init: out of memory") }
        self.handle = handle
    }

    deinit { curl_easy_cleanup(handle) }

    /// Forgets the options of the last transfer and sets the ones that all have.
    ///
    /// Every transfer has a connection of its own. When a kept connection turns out to be dead, libcurl repeats the
    /// request by itself, and a message that had arrived would arrive twice.
    ///
    /// - Parameter protocols: what may be spoken, such as `https`; redirects are never followed.
    func prepare(url: String, protocols: String) {
        curl_easy_reset(handle)
        // CURLOPT_NOSIGNAL(3): multi-threaded programs must set it.
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_URL, url)
        set(CURLOPT_PROTOCOLS_STR, protocols)
        set(CURLOPT_FOLLOWLOCATION, 0)
        // The empty text means no proxy, whatever the environment says.
        set(CURLOPT_PROXY, "")
        set(CURLOPT_CONNECTTIMEOUT, Limits.sendConnectSeconds)
        set(CURLOPT_TIMEOUT_MS, Int(pace.send * 1_000))
        // Without it libcurl waits two minutes for the answer to a mail's last line, whatever the timeout above.
        set(CURLOPT_SERVER_RESPONSE_TIMEOUT, max(1, Int(pace.answer)))
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        set(CURLOPT_FRESH_CONNECT, 1)
        set(CURLOPT_FORBID_REUSE, 1)
        set(CURLOPT_USERAGENT, "odys")
        sink.reset()
        let write = odys_setopt_write(handle, CURLOPT_WRITEFUNCTION) { data, size, count, sink in
            guard let data, let sink else { return 0 }
            let target = Unmanaged<ResponseSink>.fromOpaque(sink).takeUnretainedValue()
            return target.take(UnsafeRawBufferPointer(start: data, count: size * count))
        }
        check(write)
        set(CURLOPT_WRITEDATA, Unmanaged.passUnretained(sink).toOpaque())
    }

    func set(_ option: CURLoption, _ value: Int) { check(odys_setopt_long(handle, option, value)) }

    /// libcurl copies the text.
    func set(_ option: CURLoption, _ value: String) {
        precondition(!value.hasControlCharacters, "libcurl passes control characters on to the wire")
        check(odys_setopt_text(handle, option, value))
    }

    /// libcurl keeps the pointer: what it points to has to live until the transfer is over.
    private func set(_ option: CURLoption, _ value: UnsafeRawPointer?) {
        check(odys_setopt_pointer(handle, option, value))
    }

    /// Records the dialogue of an SMTP session, because libcurl says neither which command was refused nor with what
    /// words.
    func watchDialogue() {
        set(CURLOPT_VERBOSE, 1)
        set(CURLOPT_DEBUGDATA, Unmanaged.passUnretained(sink).toOpaque())
        let debug = odys_setopt_debug(handle, CURLOPT_DEBUGFUNCTION) { _, type, data, size, sink in
            guard let data, let sink else { return 0 }
            let target = Unmanaged<ResponseSink>.fromOpaque(sink).takeUnretainedValue()
            let bytes = UnsafeRawBufferPointer(start: data, count: size)
            if type == CURLINFO_HEADER_OUT { target.dialogue.note(command: Array(bytes)) }
            if type == CURLINFO_HEADER_IN { target.dialogue.note(replyLine: Array(bytes)) }
            return 0
        }
        check(debug)
    }

    /// The body of a POST; copied by libcurl.
    func setBody(_ bytes: [UInt8]) {
        check(odys_setopt_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count)))
        bytes.withUnsafeBytes { set(CURLOPT_COPYPOSTFIELDS, $0.baseAddress) }
    }

    /// Runs the block with texts set as the alternatives of a mail; they live until the block ends.
    func withAlternatives<Value>(_ alternatives: [(text: String, type: String)], _ body: () -> Value) -> Value {
        guard let mime = curl_mime_init(handle) else { preconditionFailure("curl_mime_init: out of memory") }
        defer { curl_mime_free(mime) }
        for (text, type) in alternatives {
            guard let part = curl_mime_addpart(mime) else { preconditionFailure("curl_mime_addpart: out of memory") }
            // The quoted-printable encoder takes only CR LF for a line end.
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
            check(curl_mime_data(part, lines, lines.utf8.count))
            check(curl_mime_type(part, "\(type); charset=utf-8"))
            check(curl_mime_encoder(part, "quoted-printable"))
        }
        set(CURLOPT_MIMEPOST, UnsafeRawPointer(mime))
        return body()
    }

    /// Runs the block with lists set as options; they live until the block ends.
    func withLists<Value>(_ lists: [(CURLoption, [String])], _ body: () -> Value) -> Value {
        var made: [UnsafeMutablePointer<curl_slist>?] = []
        defer { for list in made { curl_slist_free_all(list) } }
        for (option, lines) in lists {
            var list: UnsafeMutablePointer<curl_slist>?
            for line in lines {
                // CR LF and a space are a folded header.
                precondition(
                    !line.replacing("\r\n ", with: " ").utf8.contains { $0 == 0 || $0 == 13 || $0 == 10 },
                    "libcurl passes line ends on to the wire")
                // NULL would lose what is in the list.
                guard let longer = curl_slist_append(list, line) else {
                    preconditionFailure("curl_slist_append: out of memory")
                }
                list = longer
            }
            made.append(list)
            set(option, list)
        }
        return body()
    }

    /// Performs the transfer; blocks at most `Limits.sendSeconds`.
    func perform() -> TransferResult {
        let result = curl_easy_perform(handle)
        let retryAfter = size(CURLINFO_RETRY_AFTER)
        let failure = failure(result)
        let reason = result == CURLE_OK ? "" : String(cString: curl_easy_strerror(result))
        return TransferResult(
            failure: failure, code: number(CURLINFO_RESPONSE_CODE), body: sink.body,
            bytesSent: number(CURLINFO_REQUEST_SIZE) + size(CURLINFO_SIZE_UPLOAD_T),
            command: sink.dialogue.command,
            reply: String(decoding: sink.dialogue.reply, as: UTF8.self),
            retryAfterSeconds: retryAfter > 0 ? min(Double(retryAfter), Limits.retryAfterSecondsMax) : nil,
            reason: failure == .tooLarge ? "the answer is too large" : reason)
    }

    private func number(_ info: CURLINFO) -> Int {
        var value = 0
        check(odys_getinfo_long(handle, info, &value))
        return value
    }

    private func size(_ info: CURLINFO) -> Int {
        var value: curl_off_t = 0
        check(odys_getinfo_size(handle, info, &value))
        return Int(value)
    }

    private func failure(_ result: CURLcode) -> TransferResult.Failure? {
        switch result {
        case CURLE_OK: nil
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT: .notConnected
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CACERT_BADFILE: .tls
        case CURLE_USE_SSL_FAILED: .noSTARTTLS
        case CURLE_LOGIN_DENIED: .login
        case CURLE_SEND_ERROR, CURLE_WEIRD_SERVER_REPLY, CURLE_REMOTE_ACCESS_DENIED: .refused
        case CURLE_WRITE_ERROR where sink.hasRefused: .tooLarge
        case CURLE_OPERATION_TIMEDOUT, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_WRITE_ERROR,
            CURLE_HTTP2, CURLE_HTTP2_STREAM:
            .broken
        default: .other
        }
    }
}

/// What the server answered, up to `Limits.answerBytesMax`.
private final class ResponseSink {
    private(set) var body: [UInt8] = []
    /// Whether the answer has more than that. libcurl's error is a failed write then, as for other reasons too.
    private(set) var hasRefused = false
    var dialogue = SMTPDialogue()

    func reset() {
        body.removeAll(keepingCapacity: true)
        hasRefused = false
        dialogue = SMTPDialogue()
    }

    /// - Returns: how many bytes were taken; fewer than offered ends the transfer.
    func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        hasRefused = body.count + bytes.count > Limits.answerBytesMax
        if hasRefused { return 0 }
        body += bytes
        return bytes.count
    }
}
