import OdysCore
import Testing

@testable import OdysDelivery

@Suite struct SMTPDialogueTests {
    /// Commands begin with C:, replies with S:.
    private static func dialogue(_ lines: String...) -> (command: String, reply: String) {
        var dialogue = SMTPDialogue()
        for line in lines {
            let bytes = Array("\(line.dropFirst(2))\r\n".utf8)
            line.hasPrefix("C:") ? dialogue.note(command: bytes) : dialogue.note(replyLine: bytes)
        }
        return (dialogue.command, String(decoding: dialogue.reply, as: UTF8.self))
    }

    @Test("SMTP dialogue: the last command and all lines of the last reply; QUIT and its reply do not count")
    func whatWasSaidLast() {
        let refused = Self.dialogue(
            "S:220 hello", "C:EHLO odys.example", "S:250-mail.example", "S:250 SIZE 100",
            "C:MAIL FROM:<a@odys.example>",
            "S:250 2.1.0 OK", "C:RCPT TO:<ana@mail.example>", "S:554-5.7.1 no", "S:554 5.7.1 never", "C:QUIT",
            "S:221 bye")
        #expect(refused.command == "RCPT")
        #expect(refused.reply == "554-5.7.1 no\r\n554 5.7.1 never\r\n")
        #expect(Self.dialogue("S:554 5.3.2 no") == ("", "554 5.3.2 no\r\n"))
        #expect(Self.dialogue() == ("", ""))
        let login = Self.dialogue("S:220 hello", "C:AUTH PLAIN", "S:334 ", "C:AGNhbmFyeQBjYW5hcnk=", "S:535 5.7.8 no")
        #expect(login == ("AUTH", "535 5.7.8 no\r\n"))
    }

    @Test("SMTP dialogue: a reply is kept up to its bound")
    func aReplyHasABound() {
        var dialogue = SMTPDialogue()
        for _ in 0..<10_000 { dialogue.note(replyLine: Array("250-more\r\n".utf8)) }
        #expect(dialogue.reply.count == Limits.smtpReplyBytesMax)
        dialogue.note(replyLine: Array("250 end\r\n".utf8))
        dialogue.note(replyLine: Array("354 go\r\n".utf8))
        #expect(dialogue.reply == Array("354 go\r\n".utf8))
    }
}
