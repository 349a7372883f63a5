import Foundation
import Testing

@testable import OdysCore

@Suite struct PhoneTests {
    /// What people type, with the number it means; nil where it means none.
    private static func table() throws -> [(typed: String, number: String?)] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "phones.txt")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
            guard !line.hasPrefix("#"), let arrow = line.ranges(of: " → ").last else { return nil }
            let number = String(line[arrow.upperBound...])
            return (unescaped(String(line[..<arrow.lowerBound])), number == "–" ? nil : number)
        }
    }

    private static func unescaped(_ text: String) -> String {
        let breaks = text.replacing("\\n", with: "\n").replacing("\\r", with: "\r").replacing("\\t", with: "\t")
        return breaks.replacing(#/\\u\{([0-9A-F]+)\}/#) { found in
            UInt32(found.1, radix: 16).flatMap(Unicode.Scalar.init).map { String(Character($0)) } ?? ""
        }
    }

    @Test("normalise: what people type, phones.txt")
    func whatPeopleType() throws {
        let table = try Self.table()
        #expect(table.count >= 400)
        for (typed, number) in table {
            #expect(Phone.normalise(typed) == number, "\(typed.debugDescription)")
        }
    }

    /// Every number of the table × everything that may stand behind it.
    @Test("normalise: text, an extension or a second number never makes another number")
    func nothingBehindANumberMakesAnotherOne() throws {
        let ends = [
            "/", " / ", "|", ",", ";", "#", "*", ":", "=", "+", "_", "~", "(", " (", ")", "[", "\n", "\r\n", "\t",
            "\u{2028}", "\u{200B}", "\0", "x", " x", " ramal ", " r. ", " ou ", " e ", "é", " — ", "٪", "📱", "²",
        ]
        let behind = ["", "4", "45", "11 98888-7777", "(2)"]
        for (typed, number) in try Self.table() {
            guard let number else { continue }
            for end in ends {
                for text in behind {
                    let found = Phone.normalise(typed + end + text)
                    #expect(found == nil || found == number, "\((typed + end + text).debugDescription)")
                }
            }
            // What stands behind a space or a hyphen could be a part of the number: of a Brazilian one it never is.
            guard number.hasPrefix("55") else { continue }
            for end in [" ", "-", ".", " - ", "  ", "\u{A0}", "–"] {
                for text in behind {
                    let found = Phone.normalise(typed + end + text)
                    #expect(found == nil || found == number, "\((typed + end + text).debugDescription)")
                }
            }
        }
    }

    @Test("normalise: words before a number, with or without digits, never make another number")
    func nothingBeforeANumberMakesAnotherOne() throws {
        let words = [
            "Ana ", "Tel.: ", "ramal 4 ", "ramal 45 ", "ramal 4-", "casa 2, ", "ap. 301 / ", "📱", "(Ana) ", "4) ",
            "3333-4444 ou ", "3333-4444 / ", "r5 ", "nº 12: ", "\u{200E}", "\n", "recado ",
        ]
        for (typed, number) in try Self.table() {
            guard let number else { continue }
            for word in words {
                let found = Phone.normalise(word + typed)
                #expect(found == nil || found == number, "\((word + typed).debugDescription)")
            }
        }
    }

    @Test("normalise: digits of other scripts and full-width forms are the same number")
    func otherScriptsAreTheSameNumber() throws {
        for (typed, number) in try Self.table() where typed.unicodeScalars.allSatisfy(\.isASCII) {
            for zero in ["٠", "۰", "०", "০", "０", "𝟎"] as [Unicode.Scalar] {
                let other = typed.unicodeScalars.map { scalar in
                    scalar.isDigit ? Unicode.Scalar(zero.value + scalar.value - 0x30) ?? scalar : scalar
                }
                #expect(Phone.normalise(String(String.UnicodeScalarView(other))) == number, "\(typed.debugDescription)")
            }
            let wide = typed.unicodeScalars.map { scalar in
                (0x21...0x7E).contains(scalar.value) ? Unicode.Scalar(scalar.value + 0xFEE0) ?? scalar : scalar
            }
            #expect(Phone.normalise(String(String.UnicodeScalarView(wide))) == number, "\(typed.debugDescription)")
        }
    }

    @Test("normalise: a stored number, and one with its +, is the same again")
    func storedNumbersAreReadAgain() throws {
        for (typed, number) in try Self.table() {
            #expect(Phone.stored(typed).flatMap(Phone.normalise) == number)
            #expect(Phone.stored(typed).flatMap(Phone.stored) == Phone.stored(typed))
            if let number { #expect(Phone.normalise("+" + number) == number) }
        }
    }

    @Test(
        "normalise: usable numbers",
        arguments: [
            // As Brazilians type them.
            ("(11) 99999-9999", "5511999999999"),
            ("11999999999", "5511999999999"),
            ("11 3333.4444", "551133334444"),
            ("5511999999999", "5511999999999"),
            ("551133334444", "551133334444"),
            ("+55 (11) 9 9999-9999", "5511999999999"),
            ("(+55) 11 99999-9999", "5511999999999"),
            ("+55 11 3333-4444", "551133334444"),
            ("WhatsApp: 21 98888-7777", "5521988887777"),
            ("21 98888-7777 (recado com a Bia)", "5521988887777"),
            ("\u{200E}+55\u{A0}11\u{A0}99999-9999\u{202C}", "5511999999999"),
            // A trunk zero.
            ("011 99999-9999", "5511999999999"),
            ("0 11 3333-4444", "551133334444"),
            // Area code 55 (Santa Maria) without the country code, and with it.
            ("55 99999-9999", "5555999999999"),
            ("55 3222-1234", "555532221234"),
            ("55 55 99999-9999", "5555999999999"),
            // Foreign: with a plus from 8 digits, without it from 12.
            ("+1 (415) 555-2671", "14155552671"),
            ("+49 30 123456", "4930123456"),
            ("+298 12345", "29812345"),
            ("+351 912 345 678", "351912345678"),
            ("351912345678", "351912345678"),
            ("4915112345678", "4915112345678"),
            ("123456789012345", "123456789012345"),
            ("+123456789012345", "123456789012345"),
        ])
    func usable(_ typed: String, _ expected: String) {
        #expect(Phone.normalise(typed) == expected)
    }

    @Test(
        "normalise: unusable numbers",
        arguments: [
            // What the original took for a number: nothing, too little, a trunk zero before area code and cell
            // number as foreign, ten digits from abroad.
            "", " ", "sem telefone", "+", "9", "99999-9999", "3333-4444", "1 415 555",
            // No such area code, in each form.
            "(20) 99999-9999", "10 99999-9999", "5520999999999", "+55 20 99999-9999", "020 99999-9999",
            "55 23 3333-4444",
            // The wrong length.
            "+1234567", "+1234567890123456", "1234567890123456", "55119999999999", "+55 11 99999-99999",
            "+55 11 9999-999", "555511999999999", "011 9999-999",
            // Zeros: a carrier's code, more than one.
            "0 15 11 99999-9999", "00 11 99999-9999",
            // An extension behind a number without its area code.
            "3333-4444 ramal 12",
            // Too many digits, whatever their script.
            "11 ９9999-9999 9999",
        ])
    func unusable(_ typed: String) {
        #expect(Phone.normalise(typed) == nil)
    }

    @Test("stored form: the + is kept where the number would read as Brazilian")
    func storedFormKeepsThePlusWhereItMatters() {
        #expect(Phone.stored("(11) 99999-9999") == "5511999999999")
        #expect(Phone.stored("+351 912 345 678") == "351912345678")
        #expect(Phone.stored("+1 (415) 555-2671") == "+14155552671")
        #expect(Phone.stored("+298 12345") == "+29812345")
        #expect(Phone.stored("+91 98765 43210") == "+919876543210")
        #expect(Phone.stored("12345") == nil)
    }

    @Test("normalise: the 67 area codes of Brazil and no other")
    func everyAreaCodeAndNoOther() {
        #expect(Phone.areaCodes.count == 67)
        for code in 10...99 {
            let isKnown = Phone.areaCodes.contains(code)
            for number in ["33334444", "999999999"] {
                let expected = isKnown ? "55\(code)\(number)" : nil
                #expect(Phone.normalise("\(code)\(number)") == expected)
                #expect(Phone.normalise("0\(code)\(number)") == expected)
                #expect(Phone.normalise("55\(code)\(number)") == expected)
                #expect(Phone.normalise("+55\(code)\(number)") == expected)
                #expect(Phone.normalise("+55 (0)\(code) \(number)") == expected)
                #expect(Phone.normalise("0055\(code)\(number)") == expected)
                #expect(Phone.normalise("(\(code)) \(number)") == expected)
            }
        }
    }

    @Test("normalise: random input gives 8 to 15 digits or nil")
    func resultIsEightToFifteenDigits() {
        var random = SplitMix64(seed: 7)
        let pieces = ["0", "5", "55", "11", "9", "+", " ", "-", "(", ")", "x", "９", "\0", "\r\n", "999", "é"]
        for _ in 0..<20_000 {
            let typed = (0..<Int.random(in: 0...16, using: &random))
                .map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            guard let phone = Phone.normalise(typed) else { continue }
            #expect((8...15).contains(phone.utf8.count) && phone.utf8.allSatisfy { (48...57).contains($0) })
            #expect(Phone.stored(typed).flatMap(Phone.normalise) == phone)
        }
    }
}
