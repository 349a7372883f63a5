/// What a message says around its facts, in every channel. Nothing here was typed by a person.
struct Wording {
    /// The sentence between the greeting and the facts.
    let opening: String?
    /// The sentence after the facts.
    let closing: String?
    /// Where the closing sentence leads.
    let link: String?

    init(_ opening: String?, _ closing: String? = nil, link: String? = nil) {
        self.opening = opening
        self.closing = closing
        self.link = link
    }
}

extension Template {
    /// No claim about a person's gender or the kind of appointment, a haircut as well as a therapy.
    func wording(_ facts: MessageFacts) throws(MessageError) -> Wording {
        switch self {
        case .bookingConfirmed:
            Wording("Seu horário está confirmado:", "Se surgir algum imprevisto, avise com antecedência. Até lá!")
        case .bookingRejected:
            Wording(
                "Desta vez não foi possível confirmar o horário que você pediu:",
                "Que tal escolher outro? Veja os horários disponíveis:", link: try facts.page)
        case .bookingCancelled:
            Wording(
                "Seu cancelamento foi registrado. Este horário não está mais reservado:",
                "Quando quiser marcar outro horário, conte com a gente.")
        case .cancelledByProfessional:
            Wording(
                "Infelizmente, este horário precisou ser cancelado:",
                "Pedimos desculpas pelo transtorno. Para marcar outro horário:", link: try facts.page)
        case .paymentConfirmed: Wording("Confirmamos o pagamento deste horário:", "Agradecemos a confiança!")
        case .appointmentCompleted:
            Wording(
                "Seu atendimento foi concluído:",
                "Como foi? De 1 a 5, que nota você dá a este atendimento? Sua avaliação faz diferença!")
        case .noShow:
            Wording(
                "Sentimos sua falta! Registramos uma ausência neste horário:",
                "Quer marcar outro horário? É só escolher:", link: try facts.page)
        case .reminder24h:
            Wording(
                "Passando para lembrar: falta cerca de um dia para o seu horário.",
                "Se não puder comparecer, avise o quanto antes. Até breve!")
        case .reminder1h: Wording("Passando para lembrar: falta cerca de uma hora para o seu horário.", "Até já!")
        case .registrationInvite: facts.invitation
        case .newMessageToClient:
            Wording(
                "Você recebeu uma nova mensagem de \(facts.professional).", "Para ler e responder:",
                link: facts.link("/c"))
        case .bookingRequest: Wording(nil, "Confirme ou recuse no seu painel:", link: facts.link("/dashboard"))
        case .newMessageToProfessional: Wording(nil, "Para ler e responder:", link: facts.link("/dashboard"))
        case .bookingRejectedReceipt, .cancelledByClient: Wording(nil, "Este horário não está mais reservado.")
        case .bookingConfirmedReceipt, .paymentConfirmedReceipt, .appointmentCompletedReceipt, .noShowReceipt:
            Wording(nil)
        }
    }
}

extension MessageFacts {
    /// Alone or at the end of a confirmation. Its link carries no personal data, which logs would record.
    var invitation: Wording {
        Wording(
            nil,
            "Que tal criar sua conta na \(MessageSetting.brand)? Com ela, você acompanha seus horários "
                + "e suas mensagens em um só lugar:", link: link("/register"))
    }
}
