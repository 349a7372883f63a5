extension EmailText {
    /// The HTML part: one column, readable without styles. They are inline because mail programs drop others. Tables
    /// are for layout only and say so. Typed values stand in `<bdi>`, so that a right-to-left name cannot reorder
    /// what is around it.
    public var html: String {
        """
        <!DOCTYPE html>
        <html lang="pt-BR">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">
        <meta name="color-scheme" content="light">
        <title>\(htmlEscaped(heading))</title>
        </head>
        <body style="margin:0;padding:0;background-color:#f3f4f6;">
        <div style="display:none;max-height:0;overflow:hidden;">\(htmlEscaped(summary))</div>
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" \
        style="background-color:#f3f4f6;">
        <tr>
        <td align="center" style="padding:24px 12px;">
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" \
        style="max-width:560px;background-color:#ffffff;border-radius:8px;">
        <tr>
        <td style="padding:32px 24px;font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:1.5;\
        color:#1f2937;text-align:left;">
        <h1 style="margin:0 0 24px;font-size:22px;line-height:1.3;color:#111827;">\(htmlEscaped(heading))</h1>
        <p style="margin:0 0 16px;"><bdi>\(htmlEscaped(greeting))</bdi></p>
        <p style="margin:0 0 16px;">\(htmlEscaped(opening))</p>
        \(factsHTML)
        <p style="margin:0 0 16px;">\(htmlEscaped(closing))</p>\(buttonHTML)
        </td>
        </tr>
        </table>
        <p style="margin:16px 0 0;font-family:Arial,Helvetica,sans-serif;font-size:13px;line-height:1.5;\
        color:#4b5563;">\(MessageSetting.brand) · \(MessageSetting.tagline) · \
        <a href="\(htmlEscaped(siteURL))" style="color:#4b5563;">\(htmlEscaped(site))</a></p>
        </td>
        </tr>
        </table>
        </body>
        </html>

        """
    }

    private var factsHTML: String {
        lines.map { line in
            """
            <p style="margin:0 0 8px;padding-left:12px;border-left:3px solid #0f766e;overflow-wrap:anywhere;">\
            <strong>\(htmlEscaped(line.label)):</strong> <bdi>\(htmlEscaped(line.value))</bdi></p>
            """
        }.joined(separator: "\n")
    }

    private var buttonHTML: String {
        guard let button else { return "" }
        let sentence = button.sentence.map { "\n<p style=\"margin:0 0 16px;\">\(htmlEscaped($0))</p>" } ?? ""
        return sentence + """

            <p style="margin:0;"><a href="\(htmlEscaped(button.url))" style="display:inline-block;\
            padding:12px 20px;\
            background-color:#0f766e;border-radius:6px;color:#ffffff;font-weight:bold;text-decoration:none;">\
            \(htmlEscaped(button.label))</a></p>
            """
    }
}

/// For an element or a quoted attribute.
func htmlEscaped(_ text: String) -> String {
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": out.append(contentsOf: "&amp;".unicodeScalars)
        case "<": out.append(contentsOf: "&lt;".unicodeScalars)
        case ">": out.append(contentsOf: "&gt;".unicodeScalars)
        case "\"": out.append(contentsOf: "&quot;".unicodeScalars)
        case "'": out.append(contentsOf: "&#39;".unicodeScalars)
        default: out.append(scalar)
        }
    }
    return String(out)
}
