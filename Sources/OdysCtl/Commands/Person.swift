internal import ArgumentParser
internal import OdysCore
internal import OdysStore

struct Person: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows or erases what is held about one client, for a request under data protection law.",
        discussion: """
            It logs in as ODYS_DB_MIGRATE_USER, since the application's user may not read or change all of it, and \
            both are recorded. CLIENT-ID is clients.id.
            """, subcommands: [Export.self, Erase.self])

    struct Subject: ParsableArguments {
        @Argument(help: "The id of a client.") var id: String

        /// What the store has of the client, by the account that may read and change it.
        func find<Found>(_ find: (PersonStore, AppointmentID) throws(StoreError) -> Found?) throws -> Found {
            guard let id = AppointmentID(id) else { throw Failure.usage("'\(id)' is not the id of a client") }
            guard let found = try find(PersonStore(.current(limits: .migration, migrating: true)), id) else {
                throw Failure.problem("there is no client \(id)")
            }
            return found
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints all that is held about a client as one JSON document.",
            discussion: "Of the platform's tables it has the columns that Odys knows.")
        @OptionGroup var subject: Subject
        @OptionGroup var output: OutputOptions

        func run() throws {
            let document = try subject.find { store, id throws(StoreError) in
                try store.export(id, by: operatorName)
            }
            output.show(document, orLines: [document.shown])
        }
    }

    struct Erase: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Erases what messages, notifications and events hold about a client.",
            discussion: """
                It only shows how much; --apply does it. Messages that wait are not sent. The client's own row and \
                their appointments belong to the platform, which deletes them afterwards.
                """)
        @OptionGroup var subject: Subject
        @OptionGroup var output: OutputOptions
        @Flag(help: "Do it.") var apply = false

        func run() throws {
            let erasure = try subject.find { store, id throws(StoreError) in
                try store.erase(id, by: apply ? operatorName : nil)
            }
            output.show(erasure.json(isApplied: apply), orLines: erasure.lines(isApplied: apply))
        }
    }
}

extension PersonStore.Erasure {
    fileprivate func json(isApplied: Bool) -> JSON {
        [
            "erased": .bool(isApplied), "messages": .integer(messages), "pending": .integer(pending),
            "notifications": .integer(notifications), "events": .integer(events),
            "storedResponses": .integer(answers), "replyContexts": .integer(contexts), "remarks": .integer(remarks),
            // It was found, and is not ours to delete.
            "clientRowStands": .bool(true), "otherClients": JSON(otherClients, each: JSON.string),
        ]
    }

    fileprivate func lines(isApplied: Bool) -> [String] {
        let counts = [
            "\(messages) messages, \(pending) of them not sent yet", "\(notifications) notifications",
            "\(events) events", "\(answers) stored responses", "\(contexts) reply contexts",
            "\(remarks) remarks of operators",
        ]
        return counts.map { "\($0) \(isApplied ? "erased" : "would be erased")" }
            + otherClients.map { "client \($0) has the same user id" }
            + [
                isApplied
                    ? "the client's own row and appointments stand: the platform deletes them"
                    : "--apply does it"
            ]
    }
}
