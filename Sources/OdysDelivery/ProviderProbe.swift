internal import CCurl
public import OdysCore

/// Checks whether a provider would accept a message, without sending one.
public enum ProviderProbe {
    public enum Answer: Sendable, Equatable {
        case good(String)
        /// It answers, but cannot deliver at the moment.
        case notReady(String)
        /// It refuses what the settings say.
        case misconfigured(String)
        case unreachable(String)
    }

    /// Asks the Evolution API for the state of the instance's link to WhatsApp.
    public static func evolution(_ settings: EvolutionSettings) -> Answer {
        let curl = CurlHandle()
        curl.prepare(
            url: "\(settings.url)/instance/connectionState/\(settings.instance.percentEncoded(keeping: "-._~"))",
            protocols: "http,https")
        let result = curl.withLists([(CURLOPT_HTTPHEADER, ["apikey: \(settings.apiKey)"])]) { curl.perform() }
        if result.failure != nil { return .unreachable(result.reason) }
        if EvolutionAnswer(result: result).isUnlicensed { return .misconfigured("HTTP 503: the API needs a licence") }
        switch result.code {
        case 200:
            // The member is missing where the link was dropped.
            let state = (try? JSON(reading: result.body))?["instance"]?["state"]?.string ?? "unknown"
            return state == "open" ? .good("the instance is linked") : .notReady("the instance's link is '\(state)'")
        case 401, 403: return .misconfigured("HTTP \(result.code): the key is refused")
        case 404: return .misconfigured("HTTP 404: there is no such instance, or the address is not the API's")
        case 300...499 where EvolutionAnswer.meaning(ofStatus: result.code) != .notPassedOn:
            return .misconfigured("HTTP \(result.code)")
        default: return .unreachable("HTTP \(result.code)")
        }
    }

    /// EHLO, STARTTLS and AUTH as for a mail, then NOOP and QUIT.
    public static func smtp(_ settings: SMTPSettings) -> Answer {
        let curl = CurlHandle()
        curl.prepare(settings)
        // CURLOPT_CUSTOMREQUEST(3): the command in the place of HELP, which libcurl sends where there is no mail.
        curl.set(CURLOPT_CUSTOMREQUEST, "NOOP")
        let result = curl.perform()
        let reason = SMTPAnswer(result: result).reason
        switch result.failure {
        case nil: return .good("it greets, and takes the login")
        case .notConnected, .broken, .tooLarge: return .unreachable(result.reason)
        case .tls: return .misconfigured("TLS: \(result.reason)")
        case .noSTARTTLS: return .misconfigured("it offers no STARTTLS, and it is not on this host")
        case .login: return .misconfigured(reason)
        case .refused, .other: return (500...599).contains(result.code) ? .misconfigured(reason) : .notReady(reason)
        }
    }
}
