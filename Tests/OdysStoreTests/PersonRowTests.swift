import OdysCore
import Testing

@testable import OdysStore

@Suite("Person: messages that name no appointment") struct PersonRowTests {
    private static let person = PersonRow(
        id: AppointmentID("00000000-0000-4000-8000-000000000001")!, name: "Ana Souza", phone: "+55 21 98765-4321",
        email: "ana@example.com", userID: nil, professionalPhone: "(11) 91234-5678")

    @Test(
        "message: about the client by recipient, and by name where it is there",
        arguments: [
            (Role.client, "5521987654321", "Ana Souza" as String?, true), (.client, "(21) 98765-4321", nil, true),
            (.client, "ANA@example.com", nil, true), (.client, "ana@example.com.br", nil, false),
            // A child with the mother's phone.
            (.client, "5521987654321", "Beatriz Souza", false), (.client, "5521987654322", "Ana Souza", false),
            (.professional, "5511912345678", "Ana Souza", true), (.professional, "5511912345678", nil, false),
            (.professional, "5511912345678", "Ana Souza Lima", false),
            // Another professional's client of the same name.
            (.professional, "5511999999999", "Ana Souza", false), (.professional, "5521987654321", "Bia", false),
        ])
    func messagesAreTold(_ role: Role, _ recipient: String, _ name: String?, _ isMeant: Bool) {
        #expect(Self.person.isMeant(by: role, recipient, naming: name) == isMeant)
    }

    @Test("message: a phone or an address that is not there is nobody's")
    func whatIsNotThereIsNobodys() {
        let person = PersonRow(
            id: Self.person.id, name: "Ana", phone: "ramal 3", email: nil, userID: nil, professionalPhone: nil)
        #expect(!person.isMeant(by: .client, "ramal 4", naming: nil))
        #expect(!person.isMeant(by: .client, "", naming: "Ana"))
        #expect(!person.isMeant(by: .professional, "", naming: "Ana"))
        #expect(person.isMeant(by: .client, "Ramal 3", naming: nil))
        let blank = PersonRow(
            id: person.id, name: "Ana", phone: "", email: "", userID: nil, professionalPhone: "")
        #expect(!blank.isMeant(by: .client, "", naming: nil) && !blank.isMeant(by: .professional, "", naming: "Ana"))
    }
}
