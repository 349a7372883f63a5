internal import OdysCore

/// One subject of `odysctl doctor`.
protocol DoctorCheck {
    func findings() -> [Finding]
}

/// What `odysctl doctor` says of one subject.
struct Finding {
    enum State: String {
        case good, problem, configuration, unreachable
    }

    /// What was checked, in one word.
    let subject: String
    let state: State
    let cause: String
    /// What to do; nil where nothing is wrong.
    let remedy: String?

    init(_ subject: String, _ good: String) {
        self.init(subject, .good, good, nil)
    }

    init(_ subject: String, _ state: State, _ cause: String, _ remedy: String?) {
        self.subject = subject
        self.state = state
        self.cause = cause
        self.remedy = remedy
    }

    var json: JSON {
        [
            "check": .string(subject), "state": JSON(state), "cause": .string(cause), "remedy": JSON(remedy),
        ]
    }

    var lines: [String] {
        [row(15, 11, cells: state.rawValue, subject, cause)] + (remedy.map { ["".padded(26) + $0] } ?? [])
    }
}
