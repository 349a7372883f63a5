import Testing

@testable import OdysCore

@Suite struct PhoneTests {
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
            // A trunk zero, with the two letters for a carrier that people write.
            ("011 99999-9999", "5511999999999"),
            ("(0xx11) 3333-4444", "551133334444"),
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
            // Zeros: a dialled prefix for abroad, a carrier's code, more than one.
            "00 1 415 555 2671", "0055 11 99999-9999", "0 15 11 99999-9999", "00 11 99999-9999",
            // An extension or a second number.
            "(11) 3333-4444 ramal 12", "21 3333-4444 r. 5", "3333-4444 ramal 12", "11 3333-4444,12",
            "11 3333-4444#5",
            "11 99999-9999 ou 11 98888-8888", "11 99999-9999 / 11 98888-8888",
            // Digits that are no ASCII.
            "１１９９９９９９９９９", "11 ９9999-9999 9999", "١١٩٩٩٩٩٩٩٩٩", "11 99999-999９",
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
