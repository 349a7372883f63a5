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

/// An outbox whose world is this object: it answers as it is told and notes every effect in order.
final class DrainWorld {
    var claimed: Result<ClaimedMessage?, StoreError> = .success(.sample())
    var outcome = DeliveryOutcome.sent(providerID: "id", to: "5511999999999")
    var recorded: Result<Bool, StoreError> = .success(true)
    private(set) var effects: [String] = []
    private(set) var settlements: [Settlement] = []

    func step() throws(StoreError) -> OutboxDrain.Step? {
        try OutboxDrain(
            claim: { () throws(StoreError) in
                self.effects.append("claim")
                return try self.claimed.get()
            },
            deliver: { message in
                self.effects.append("deliver \(message.id)")
                return self.outcome
            },
            record: { message, settlement throws(StoreError) in
                self.effects.append("record \(message.id)")
                self.settlements.append(settlement)
                return try self.recorded.get()
            },
            jitter: { 0.5 }
        ).step()
    }
}
