/// The catalogue of settings as the texts that operators read.
public enum SettingsReference {
    /// An environment file with every setting, for systemd's `EnvironmentFile` and for a shell. What has no default,
    /// and what is recommended, is set; the rest is commented out. It is good once the empty values are filled in.
    public static var exampleFile: String {
        var lines = [
            "# Settings of Odys. 'odysctl config check' names what is wrong with them, odys.env(5) explains them.",
            "# A secret X may also stand in a file that X_FILE names, or come as a systemd credential.",
        ]
        for section in Setting.Section.allCases {
            lines += ["", "# --- \(section.rawValue)"]
            for setting in Setting.all where setting.section == section {
                let words = "\(setting.meaning). \(setting.fallbackSentence)".withoutMarkdown
                lines += [""] + wrapped(words, width: 98).map { "# " + $0 }
                lines.append((setting.isShipped ? "" : "#") + setting.name + "=" + quoted(setting.example))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// docs/SETTINGS.md.
    public static var markdown: String {
        var text = """
            # Settings

            <!-- Made by `make docs` from Sources/OdysCore/Settings/SettingsCatalogue.swift. -->

            Environment variables, as a systemd `EnvironmentFile` or a shell gives them. Every problem is reported at
            once, by name, before anything starts; `odysctl config check` does the same. A variable set to the empty
            text counts as set. Lists are separated by commas. An unknown `ODYS_` variable is reported and otherwise
            ignored.

            A **secret** `X` may come as `X`, as a file named by `X_FILE`, or as a systemd credential of the same name
            in lower case with dashes (`ODYS_JWT_SECRET` as `odys-jwt-secret`). No secret has a default, and none is
            ever printed.

            `odysctl config example` prints a file to start from; `odysctl config show` tells what holds now, and where
            it comes from.

            """
        for section in Setting.Section.allCases {
            text += "\n## \(section.rawValue)\n\n| variable | meaning | default |\n| --- | --- | --- |\n"
            for setting in Setting.all where setting.section == section {
                let meaning = setting.isSecret ? "secret; \(setting.meaning)" : setting.meaning
                text += "| `\(setting.name)` | \(meaning) | \(setting.fallback.text) |\n"
            }
        }
        return text + """

            ## Changing secrets while it runs

            `systemctl reload odys-fcgi@1` (SIGHUP) reads the files of secrets and keys again: `ODYS_JWT_SECRET`,
            `ODYS_JWKS_FILE`, `EVOLUTION_API_KEY`, `ODYS_SMTP_PASSWORD`, and `ODYS_DB_PASSWORD` for connections that are
            opened from then on. It also fetches `ODYS_JWKS_URL`. No request is lost. Where anything is wrong with what
            was read, one line of the log says so and everything stays as it was. Other settings, and secrets that stand
            in the environment itself, need a restart. So do systemd's credentials: a service gets them when it starts.

            A new `ODYS_JWT_SECRET` ends every token that the old one signed. Keys of a key set can overlap: publish the
            new one, sign with it, withdraw the old one.

            ## Connections

            A process has `ODYS_THREADS` + `ODYS_WHATSAPP_SENDERS` + `ODYS_EMAIL_SENDERS` + 2 connections to the
            database (pruning, and looks at it for whoever watches); keep the sum over all processes below MariaDB's
            `max_connections`.

            """
    }

    /// The manual page odys.env(5), in mdoc(7).
    ///
    /// - Parameter date: of the page, such as `December 1, 2026`.
    public static func manualPage(date: String) -> String {
        var lines = [
            ".Dd \(date)", ".Dt ODYS.ENV 5", ".Os", ".Sh NAME", ".Nm odys.env", ".Nd settings of Odys",
            ".Sh DESCRIPTION",
            "The settings of", ".Xr odys-fcgi 8", "and", ".Xr odysctl 1",
            "are environment variables.", "The file", ".Pa /etc/odys/odys.env",
            "holds them, one", ".Ar NAME Ns = Ns Ar VALUE", "a line, as", ".Xr systemd.exec 5",
            "and a shell read them.", "Every problem is reported at once, by name, before anything starts.",
            "A variable set to the empty text counts as set.", "Lists are separated by commas.",
            "An unknown variable that begins with", ".Ev ODYS_", "is reported and otherwise ignored.", ".Pp",
            "A secret may come as the variable", ".Ev X ,", "as a file named by", ".Ev X_FILE ,",
            "or as a systemd credential of the same name in lower case with dashes.",
            "No secret has a default, and none is ever printed.",
        ]
        for section in Setting.Section.allCases {
            lines += [".Ss \(section.rawValue)", ".Bl -tag -width Ds"]
            for setting in Setting.all where setting.section == section {
                lines += [".It Ev \(setting.name)"]
                let secret = setting.isSecret ? "Secret: " : ""
                lines += manualText("\(secret)\(setting.meaning).") + manualText(setting.fallbackSentence)
            }
            lines.append(".El")
        }
        lines += [
            ".Sh FILES", ".Bl -tag -width Ds", ".It Pa /etc/odys/odys.env",
            "read by the units of systemd; mode 0640, group odys.", ".El", ".Sh EXAMPLES",
            "A file to start from:", ".Pp", ".Dl odysctl config example > /etc/odys/odys.env", ".Sh SEE ALSO",
            ".Xr odysctl 1 ,", ".Xr systemd.exec 5 ,", ".Xr odys-fcgi 8",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    /// Running text for mdoc(7), where each sentence begins a line. A line that begins with a dot or a quote would be
    /// a request.
    private static func manualText(_ text: String) -> [String] {
        let words = text.withoutMarkdown.replacing("\\", with: "\\e")
        var lines: [String] = []
        for sentence in words.sentences { lines += wrapped(sentence, width: 78) }
        return lines.map { $0.hasPrefix(".") || $0.hasPrefix("'") ? "\\&" + $0 : $0 }
    }

    /// The value as systemd and a shell read it. No example holds a quote, a dollar sign or a backslash.
    private static func quoted(_ value: String) -> String {
        value.contains { " <>'&;|()#".contains($0) } ? "\"\(value)\"" : value
    }

    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}

extension Setting {
    /// What holds when it is not set, as a sentence.
    fileprivate var fallbackSentence: String {
        switch fallback {
        case .value(let text): "Default: \(text)."
        case .words(let text): "Not set: \(text)."
        case .required(let text): text.prefix(1).uppercased() + text.dropFirst() + "."
        }
    }
}

extension String {
    /// The sentences of a text.
    fileprivate var sentences: [String] {
        var found: [String] = [""]
        for word in split(separator: " ") {
            if found[found.count - 1].hasSuffix(".") { found.append("") }
            found[found.count - 1] += (found[found.count - 1].isEmpty ? "" : " ") + word
        }
        return found
    }
}
