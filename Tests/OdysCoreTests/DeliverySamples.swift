@testable import OdysCore

extension ClaimedMessage {
    /// A message at some point of its life.
    static func sample(
        attempts: Int = 1, unclear: Int = 0, lostClaims: Int = 0, isExpired: Bool = false, isSuperseded: Bool = false
    ) -> ClaimedMessage {
        ClaimedMessage(
            id: 7, uid: "3f1c2c1e-3c0f-4b1e-8d59-57f3f0b7c9aa", channel: .whatsapp, role: .client,
            recipient: "5511999999999", template: "booking_confirmed", payload: "{}", appointmentID: nil,
            attempts: attempts, unclear: unclear, lostClaims: lostClaims, isExpired: isExpired,
            isSuperseded: isSuperseded, leaseToken: [1, 2, 3])
    }
}
