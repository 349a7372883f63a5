import Testing

@testable import OdysCore

/// A small generator with a seed, so that a failure can be had again (Steele, Lea, Flood: "Fast Splittable
/// Pseudorandom Number Generators").
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// What a person could type to break a message.
enum Hostile {
    static let pieces = [
        "*", "_", "~", "`", "```", "━━━━━━━━━━━━━━━━━", "█", "\n", "\r\n", "\n\n", "\t", "\0", "\u{1B}[31m",
        "\u{7F}", "\u{85}",
        "\u{2028}", "\u{2029}", "\u{202E}", "\u{2066}", "\u{2069}", "\u{200F}", "\u{61C}", "\u{200B}",
        "\u{200D}", "\u{FEFF}",
        "\u{AD}", "\u{E0041}", "\u{FE0F}", "\u{301}", "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}", "👩‍👩‍👧‍👦", "👍🏽",
        "🇧🇷", "❤️‍🔥",
        "https://evil.example/x", "http://", "www.", "evil.com", "wa.me/1", "@", ".", "..", "com",
        "ana@evil.com", "1.2.3.4",
        "<script>alert(1)</script>", "<img src=x onerror=y>", "</bdi></td>", "<!--", "&lt;", "&", "\"", "'",
        "style=\"x\"",
        "\r\nBcc: x@evil.com\r\n\r\n", "=?UTF-8?B?aGk=?=", "--boundary", "> ", "- ", "1. ", "* ", "Ana",
        "João", "שרה", "علي",
        "山田", "Dr. ", "14h.", "R$ 1.234,50", " ", "  ", "\u{3000}", "a", "Z", "0", "/", "\\", "?", "#", "%2F",
        "%", "…", "·",
        "\u{FFFD}", "\u{1F3FB}", "\u{D4E}", "\u{0C4D}", "QQ", "\u{10FFFF}", "\u{E000}", "ﷺ",
    ]

    static func text(_ random: inout SplitMix64) -> String {
        switch Int.random(in: 0..<20, using: &random) {
        case 0:
            let piece = pieces.randomElement(using: &random) ?? ""
            return String(repeating: piece, count: 4_096 / piece.utf8.count)
        case 1: return String(repeating: "👩\u{200D}", count: 600)
        case 2: return ""
        case 3: return run(of: 400, &random)
        default: return run(of: Int.random(in: 1...14, using: &random), &random)
        }
    }

    private static func run(of count: Int, _ random: inout SplitMix64) -> String {
        (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
    }
}

/// "Remove the inserted value, get the template": each message is written once with words that occur
/// nowhere else, and what a hostile payload makes of it must be that text with those words replaced by the
/// cleaned values, no more.
@Suite struct MessagePropertyTests {
    static let marked = MessageSamples.payload.with {
        $0.clientName = "QQCLIENTQQ"
        $0.professionalName = "QQPROFESSIONALQQ"
        $0.reason = "QQREASONQQ"
        $0.preview = "QQPREVIEWQQ"
        $0.slug = "QQSLUGQQ"
    }

    @Test("payload: hostile values are stored and read back equal")
    func aPayloadComesBackFromWhatIsStored() throws {
        var random = SplitMix64(seed: 16)
        for _ in 0..<500 {
            let payload = Self.hostilePayload(&random)
            #expect(MessagePayload(json: try JSON(reading: payload.bytes)) == payload)
        }
        #expect(MessagePayload().bytes == Array("{}".utf8))
    }

    static func hostilePayload(_ random: inout SplitMix64) -> MessagePayload {
        MessageSamples.payload.with {
            $0.clientName = Hostile.text(&random)
            $0.professionalName = Hostile.text(&random)
            $0.reason = Bool.random(using: &random) ? Hostile.text(&random) : nil
            $0.preview = Bool.random(using: &random) ? Hostile.text(&random) : nil
            $0.slug = "x" + Hostile.text(&random)
            $0.invite = Bool.random(using: &random)
        }
    }

    /// The marked payload with the same keys, and what its words stand for.
    static func counterpart(of payload: MessagePayload) -> (MessagePayload, [(word: String, value: String)]) {
        let reason = TypedText.inline(payload.reason ?? "", scalarsMax: 500)
        let preview = TypedText.inline(payload.preview ?? "", scalarsMax: 200)
        let marked = marked.with {
            $0.invite = payload.invite
            if reason.isEmpty { $0.reason = nil }
            if preview.isEmpty { $0.preview = nil }
        }
        let link = MessageSamples.setting.page(slug: payload.slug ?? "")
        return (
            marked,
            [
                ("QQCLIENTQQ", name(payload.clientName, "Cliente")),
                ("QQPROFESSIONALQQ", name(payload.professionalName, "Profissional")),
                ("QQREASONQQ", reason), ("QQPREVIEWQQ", preview), ("https://odys.com.br/p/QQSLUGQQ", link),
            ]
        )
    }

    private static func name(_ typed: String?, _ fallback: String) -> String {
        TypedText.inline(typed ?? "", scalarsMax: 120, fallback: fallback)
    }

    static func filled(_ text: String, _ values: [(word: String, value: String)]) -> String {
        // Byte for byte and in one pass: a cleaned value may hold a word of ours.
        let bytes = Array(text.utf8)
        let words = values.map { (word: Array($0.word.utf8), value: Array($0.value.utf8)) }
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let match = words.first { $0.word[0] == byte && bytes[index...].starts(with: $0.word) }
            if let match {
                out += match.value
                index += match.word.count
            } else {
                out.append(byte)
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    static func count(_ scalar: Unicode.Scalar, in text: String) -> Int {
        text.unicodeScalars.count { $0 == scalar }
    }

    @Test("WhatsApp text: hostile values do not change the layout", arguments: Template.allCases)
    func whatsAppLayoutStands(_ template: Template) throws {
        var random = SplitMix64(seed: 42)
        for _ in 0..<150 {
            let payload = Self.hostilePayload(&random)
            let (plainPayload, values) = Self.counterpart(of: payload)
            let plain = try template.whatsAppText(plainPayload, MessageSamples.setting)
            let text = try template.whatsAppText(payload, MessageSamples.setting)
            #expect(text.hasSameBytes(as: Self.filled(plain, values)))
            #expect(text.utf16.count <= Limits.textUnitsMax)
            for mark in "*_~`━\n".unicodeScalars {
                #expect(Self.count(mark, in: text) == Self.count(mark, in: plain))
            }
            #expect(text.ranges(of: "://").count == plain.ranges(of: "://").count)
            let lines = plain.utf8.split(separator: 10)
            #expect(!lines.contains { $0.starts(with: "QQ".utf8) }, "a line starts with a typed value")
        }
    }

    @Test(
        "email: hostile values do not change subject, text and HTML",
        arguments: Template.allCases.filter(\.isEmail)
    )
    func emailStands(_ template: Template) throws {
        var random = SplitMix64(seed: 43)
        for _ in 0..<400 {
            let payload = Self.hostilePayload(&random)
            let (plainPayload, values) = Self.counterpart(of: payload)
            let plain = try EmailText(template, plainPayload, MessageSamples.setting)
            let email = try EmailText(template, payload, MessageSamples.setting)
            #expect(email.subject.hasSameBytes(as: Self.filled(plain.subject, values)))
            #expect(email.text.hasSameBytes(as: Self.filled(plain.text, values)))
            let inHTML = values.map { ($0.word, htmlEscaped($0.value)) }
            #expect(email.html.hasSameBytes(as: Self.filled(plain.html, inHTML)))
            expectInert(email.subject)
            let header = MailHeader.encoded(email.subject)
            #expect(header.replacing("\r\n ", with: "").utf8.allSatisfy { (32...126).contains($0) })
            for mark in "<>\"'\n".unicodeScalars {
                #expect(Self.count(mark, in: email.html) == Self.count(mark, in: plain.html))
            }
        }
    }

    @Test("notification: hostile values do not change it, one line", arguments: NotificationType.allCases)
    func notificationsAreOneLine(_ type: NotificationType) {
        var random = SplitMix64(seed: 44)
        for _ in 0..<300 {
            let payload = Self.hostilePayload(&random)
            let (plainPayload, values) = Self.counterpart(of: payload)
            let plain = type.text(plainPayload, MessageSamples.setting)
            let text = type.text(payload, MessageSamples.setting)
            #expect(text.title == plain.title)
            #expect(text.body.hasSameBytes(as: Self.filled(plain.body, values)))
            #expect(Self.count("\n", in: text.body) == 0)
        }
    }

    @Test("templates: exactly the required keys are required", arguments: Template.allCases)
    func exactlyTheRequiredKeysAreRequired(_ template: Template) throws {
        let full = MessageSamples.payload
        for key in PayloadKey.allCases {
            let without = full.with {
                switch key {
                case .clientName: $0.clientName = nil
                case .professionalName: $0.professionalName = nil
                case .startsAt: $0.startsAt = nil
                case .slug: $0.slug = nil
                case .reason: $0.reason = nil
                case .invite: $0.invite = false
                case .preview: $0.preview = nil
                }
            }
            let isRequired = template.traits.required.contains(key)
            let isOptional = template.traits.optional.contains(key)
            #expect(!(isRequired && isOptional))
            if isRequired {
                #expect(throws: MessageError.missing(key.rawValue)) {
                    try template.whatsAppText(without, MessageSamples.setting)
                }
            } else if key != .invite {
                let isUsed =
                    try template.whatsAppText(without, MessageSamples.setting)
                    != template.whatsAppText(full, MessageSamples.setting)
                #expect(isUsed == isOptional, "\(key)")
            }
        }
    }

    @Test("templates: date, time and name of the appointment appear", arguments: Template.allCases)
    func appointmentsAreNamed(_ template: Template) throws {
        guard template.traits.required.contains(.startsAt) else { return }
        let text = try template.whatsAppText(MessageSamples.payload, MessageSamples.setting)
        for fact in ["terça-feira, 1º de dezembro de 2026", "14:00", "Ana Souza"] {
            #expect(text.contains(fact))
        }
    }

    @Test("WhatsApp text: the longest values fit")
    func longestTextFits() throws {
        let longest = MessageSamples.payload.with {
            $0.clientName = String(repeating: "😀", count: 5_000)
            $0.professionalName = $0.clientName
            $0.reason = $0.clientName
            $0.slug = String(repeating: "é", count: 170)
            $0.invite = true
        }
        for template in Template.allCases {
            let text = try template.whatsAppText(longest, MessageSamples.setting)
            #expect(text.utf16.count < Limits.textUnitsMax)
        }
    }

    @Test("WhatsApp text: truncation keeps the signature")
    func lastFenceKeepsTheSignature() throws {
        let setting = MessageSetting(
            appURL: "https://odys.com.br/" + String(repeating: "é", count: 5_000),
            civilTime: MessageSamples.saoPaulo)
        let text = try Template.noShow.whatsAppText(MessageSamples.payload, setting)
        #expect(text.utf16.count == Limits.textUnitsMax)
        #expect(text.hasSuffix("\n\n_Odys · Sua agenda inteligente · odys.com.br_"))
        #expect("a👍🏽b".prefix(units: 4) == "a")
        #expect("a👍🏽b".prefix(units: 5) == "a👍🏽")
    }

    @Test("slug: a blank one is missing, others are percent-encoded")
    func blankAndOverlongSlugs() throws {
        let blank = MessageSamples.payload.with { $0.slug = "" }
        #expect(throws: MessageError.missing("slug")) {
            try Template.noShow.whatsAppText(blank, MessageSamples.setting)
        }
        let setting = MessageSetting(appURL: "http://localhost:8080//", civilTime: MessageSamples.saoPaulo)
        #expect(setting.site == "localhost")
        #expect(setting.page(slug: "ana_luz.x~") == "http://localhost:8080/p/ana%5Fluz%2Ex%7E")
        #expect(setting.page(slug: "josé/?a=b#c") == "http://localhost:8080/p/jos%C3%A9%2F%3Fa%3Db%23c")
        #expect(setting.page(slug: String(repeating: "é", count: 171)) == "http://localhost:8080")
    }

    @Test("email: only two templates are emails")
    func onlyTwoTemplatesAreEmails() {
        for template in Template.allCases where !template.isEmail {
            #expect(throws: MessageError.notAnEmail) {
                try EmailText(template, MessageSamples.payload, MessageSamples.setting)
            }
        }
        #expect(Template.allCases.filter(\.isEmail) == [.bookingConfirmed, .bookingRejected])
        #expect("\(MessageError.missing("slug"))" == "payload_missing: slug")
        #expect("\(MessageError.notAnEmail)" == "template_not_an_email")
    }
}
