import Foundation
import OdysCore
import Testing

@Suite("House rules: checked over the sources") struct TidyTests {
    private struct File {
        /// Below the root, such as `Sources/OdysCore/JSON.swift`.
        let path: String
        let lines: [Substring]
        /// The same lines without comments and without what stands in quotes.
        let code: [String]
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

    private static func paths(_ folder: String, ending: String) -> [String] {
        let all = FileManager.default.subpaths(atPath: root.appending(path: folder).path) ?? []
        return all.filter { $0.hasSuffix(ending) }.map { "\(folder)/\($0)" }.sorted()
    }

    private static let sources = Result { try read("Sources") }

    private static func files(_ folder: String) throws -> [File] {
        try sources.get().filter { $0.path.hasPrefix(folder + "/") }
    }

    private static func read(_ folder: String) throws -> [File] {
        try paths(folder, ending: ".swift").map { path in
            let text = String(decoding: try Data(contentsOf: root.appending(path: path)), as: UTF8.self)
            return File(
                path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false),
                code: SwiftCode.withoutWords(text))
        }
    }

    @Test("sources: the tree is found")
    func theTreeIsFound() throws {
        let paths = Self.paths("Sources", ending: ".swift")
        #expect(
            paths.contains("Sources/OdysCore/Appointments/Decide.swift")
                && paths.contains("Sources/OdysFCGI/Process/main.swift"))
        #expect(paths.count > 40)
    }

    @Test("scanner: literals and comments are told from code")
    func wordsAreToldFromCode() {
        let source = #"""
            let a = "try! // \" {" + b // try! {
            /* try! /* { */ */ let c = """
                { "print("
                """
            """# + "\nfunc one() {\n    if a {\n    }\n}\nlet d = #\"\\\" { \"#\nfunc two() { }\n"
        let code = SwiftCode.withoutWords(source)
        #expect(!code.contains { $0.contains("try!") || $0.contains("print") })
        #expect(code.first == "let a = \"\" + b ")
        #expect(SwiftCode.functions(code).map(\.lines) == [4, 1])
        #expect(SwiftCode.calls("print(", "a; print(b)") && !SwiftCode.calls("print(", "fingerprint(b)"))
    }

    @Test("sources: files of at most 300 lines, lines of at most 120 columns")
    func filesAndLinesAreShort() throws {
        var found: [String] = []
        for file in try Self.files("Sources") + Self.read("Tests") {
            if file.lines.count > 300 { found.append("\(file.path) has \(file.lines.count) lines") }
            for (index, line) in file.lines.enumerated() where line.count > 120 {
                found.append("\(file.path):\(index + 1) has \(line.count) columns")
            }
        }
        #expect(found == [])
    }

    @Test("sources: functions below 70 lines")
    func functionsAreShort() throws {
        var found: [String] = []
        var longest = 0
        for file in try Self.files("Sources") {
            for function in SwiftCode.functions(file.code) {
                longest = max(longest, function.lines)
                if function.lines >= 70 { found.append("\(file.path):\(function.start) has \(function.lines) lines") }
            }
        }
        #expect(found == [])
        #expect(longest > 20)
    }

    @Test("sources: no TODO, FIXME or XXX")
    func nothingIsLeftToDo() throws {
        for file in try Self.files("Sources") {
            for word in ["TODO", "FIXME", "XXX"] {
                #expect(!file.lines.contains { $0.contains(word) }, "\(word) in \(file.path)")
            }
        }
    }

    @Test("sources: forbidden constructs are not used")
    func whatTheHouseDoesWithoutIsNotCalled() throws {
        let everywhere = [
            "try!", "as!", "fatalError(", "DispatchQueue.global", "nonisolated(unsafe)", "@unchecked",
            "@preconcurrency",
            "unowned(unsafe)", "sleep(", "print(",
        ]
        for file in try Self.files("Sources") {
            for word in everywhere {
                let place = file.code.firstIndex { SwiftCode.calls(word, $0) }
                #expect(place == nil, "\(word) in \(file.path):\((place ?? 0) + 1)")
            }
        }
    }

    /// ARCHITECTURE.md names every source file, by target and folder.
    @Test("tree: ARCHITECTURE.md shows the files that are there")
    func theTreeIsAsDocumented() throws {
        let text = String(
            decoding: try Data(contentsOf: Self.root.appending(path: "ARCHITECTURE.md")), as: UTF8.self)
        let block = try #require(text.components(separatedBy: "```tree\n").last?.components(separatedBy: "```").first)
        var documented: Set<String> = []
        var target = ""
        var folder = ""
        for line in block.split(separator: "\n") {
            var words = line.split(separator: " ").map(String.init)
            if !line.hasPrefix(" ") {
                target = words.removeFirst()
                folder = target
                // The rest says what the target is.
                continue
            }
            // A folder begins three columns in; what its line does not hold follows further in.
            if line.prefix(3).last != " " { folder = target + words.removeFirst() }
            for word in words { documented.insert("Sources/\(folder)\(word).swift") }
        }
        let found = Set(Self.paths("Sources", ending: ".swift"))
        #expect(documented.subtracting(found) == [], "in ARCHITECTURE.md, but not there")
        #expect(found.subtracting(documented) == [], "not in ARCHITECTURE.md")
    }

    // MARK: Who imports what

    private static func imports(_ file: File) -> [String] {
        file.code.compactMap { line in
            let words = line.split(separator: " ")
            guard let place = words.firstIndex(of: "import"), place < 2, words.count > place + 1 else { return nil }
            return String(words[place + 1])
        }
    }

    @Test("modules: each C library is imported by one module")
    func eachCLibraryHasOneOwner() throws {
        let owners = [
            "CMariaDB": "Sources/OdysStore/", "CCurl": "Sources/OdysDelivery/", "CFCGI": "Sources/OdysFCGI/",
            "CLinux": "Sources/OdysHost/",
        ]
        var seen: Set<String> = []
        for file in try Self.files("Sources") {
            for (module, owner) in owners where Self.imports(file).contains(module) {
                seen.insert(module)
                #expect(file.path.hasPrefix(owner), "\(module) in \(file.path)")
                #expect(file.code.contains("internal import \(module)"), "\(file.path)")
            }
        }
        #expect(seen == Set(owners.keys))
    }

    @Test("modules: OdysCore imports nothing but Crypto")
    func theCoreIsPure() throws {
        var seen: Set<String> = []
        for file in try Self.files("Sources/OdysCore") { seen.formUnion(Self.imports(file)) }
        #expect(seen == ["Crypto", "CryptoExtras"])
    }

    @Test("modules: store, delivery and host depend on the core alone")
    func arrowsPointToTheCore() throws {
        let ours: Set = ["OdysCore", "OdysStore", "OdysDelivery", "OdysHost", "OdysFCGI", "OdysCtl"]
        for module in ["OdysStore", "OdysDelivery", "OdysHost"] {
            var seen: Set<String> = []
            for file in try Self.files("Sources/\(module)") { seen.formUnion(Self.imports(file)) }
            #expect(seen.intersection(ours) == ["OdysCore"])
        }
    }

    // MARK: One home for each word

    /// Statuses that are not also the name of an action or a message. SQL writes them in single quotes.
    @Test("sources: status words are written in one place")
    func statusesAreWrittenOnceInSwift() throws {
        for file in try Self.files("Sources") where file.path != "Sources/OdysCore/Appointments/Appointment.swift" {
            for status in ["pending_confirmation", "confirmed", "rejected", "cancelled", "completed"] {
                #expect(!file.lines.contains { $0.contains("\"\(status)\"") }, "\(status) in \(file.path)")
                #expect(!file.lines.contains { $0.contains("'\(status)'") }, "\(status) in \(file.path)")
            }
        }
    }

    /// Rules such as `Status.holdsSlot` say which statuses a statement means; `sqlList` renders them.
    @Test("OdysStore: no status of an appointment or a payment is written in a statement")
    func statementsTakeStatusesFromTheRules() throws {
        let files = try Self.files("Sources/OdysStore")
        #expect(files.count > 15)
        for word in Status.allCases.map(\.rawValue) + PaymentStatus.allCases.map(\.rawValue) {
            for file in files {
                let place = file.lines.firstIndex { $0.contains("'\(word)'") || $0.contains("\"\(word)\"") }
                #expect(place == nil, "\(word) in \(file.path):\((place ?? 0) + 1)")
            }
        }
    }

    @Test("migrations: numbered without gaps")
    func migrationsAreNumberedWithoutGaps() {
        let names = Self.paths("sql", ending: ".sql").map { $0.dropFirst("sql/".count) }
        #expect(names.count >= 2)
        for (index, name) in names.enumerated() {
            let number = String(index + 1)
            #expect(name.hasPrefix(String(repeating: "0", count: 4 - number.count) + number + "_"), "\(name)")
            #expect(name.dropLast(4).allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") })
        }
    }
}
