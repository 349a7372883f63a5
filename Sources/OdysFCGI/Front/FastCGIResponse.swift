internal import OdysCore

extension Response {
    /// In the form of CGI (RFC 3875, section 6), which the web server makes an HTTP response of, as the records of a
    /// FastCGI response.
    func records(for requestID: UInt16) -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(512 + body.count)
        func put(_ name: String, _ value: String) {
            // Room is made once for the line: there are a dozen of them.
            content.append(addingCapacity: name.utf8.count + value.utf8.count + 4) { line in
                line.append(copying: name.utf8Span.span)
                line.append(UInt8(ascii: ":"))
                line.append(UInt8(ascii: " "))
                line.append(copying: value.utf8Span.span)
                line.append(UInt8(ascii: "\r"))
                line.append(UInt8(ascii: "\n"))
            }
        }
        content += "Status: ".utf8
        content.append(decimal: status)
        content.append(UInt8(ascii: " "))
        content += reason.utf8
        content += "\r\n".utf8
        for header in headers { put(header.name, header.value) }
        // Without it the web server would send the body in chunks.
        if !body.isEmpty {
            content += "Content-Length: ".utf8
            content.append(decimal: body.count)
            content += "\r\n".utf8
        }
        content += "\r\n".utf8
        content += body
        var out: [UInt8] = []
        out.reserveCapacity(content.count + 64)
        FastCGIRecord.append(stream: .standardOutput, requestID, content, to: &out)
        // Exit status 0, FCGI_REQUEST_COMPLETE.
        FastCGIRecord.append(.endRequest, requestID, [0, 0, 0, 0, 0, 0, 0, 0], to: &out)
        return out
    }
}
