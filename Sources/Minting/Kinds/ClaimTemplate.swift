/// A text with places for values of a request, as `acme:{user}:{agent}`.
///
/// A value is put in literally, and two different sets of values never make one text: a value that holds a character of
/// the text between two places is refused, and two places must not touch.
package struct ClaimTemplate: Sendable, Equatable {
    /// What may be put in.
    package enum Place: String, Sendable, CaseIterable {
        /// The user as our own tokens name them, or the client that asks for itself.
        case user
        /// The agent that acts.
        case agent
        /// The configured name of that agent's issuer: agents of two issuers may have one name.
        case agentIssuer = "agent_issuer"
        /// The client that asks.
        case client
        /// The tool of the call.
        case tool
        /// The identifier of the call.
        case identifier
        /// The request's `txn`.
        case txn
    }

    /// The values of one request; a place without one cannot be filled.
    package typealias Values = [Place: String]

    /// Why a text is no template.
    package enum Failure: Error, Equatable {
        /// Empty, too long, or not visible ASCII.
        case notAName
        /// A brace that is not part of a place.
        case badPlace
        /// Two places with nothing between them.
        case placesTouch
    }

    /// The longest template, and the longest text it may make, in bytes.
    package static let maximumLength = 255

    /// The template as it was written.
    package let text: String
    /// Literals and places by turns: a literal, which may be empty, before each place and after the last.
    private let literals: [String]
    private let places: [Place]
    private let separators: Set<UInt8>

    /// Reads a template.
    package init(_ text: String) throws(Failure) {
        guard VisibleASCII.isName(text, maximum: Self.maximumLength) else { throw .notAName }
        var literals: [String] = []
        var places: [Place] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            guard let close = rest[open...].firstIndex(of: "}"),
                let place = Place(rawValue: String(rest[rest.index(after: open)..<close]))
            else { throw .badPlace }
            literals.append(String(rest[..<open]))
            places.append(place)
            rest = rest[rest.index(after: close)...]
        }
        literals.append(String(rest))
        guard literals.allSatisfy({ !$0.contains("}") }) else { throw .badPlace }
        let between = literals.dropFirst().dropLast()
        guard between.allSatisfy({ !$0.isEmpty }) else { throw .placesTouch }
        self.text = text
        self.literals = literals
        self.places = places
        separators = Set(between.joined().utf8)
    }

    /// Whether the template has a place.
    package func has(_ place: Place) -> Bool { places.contains(place) }

    /// The text for these values; nil when a place has none, a value could be read in two ways, or it grows too long.
    package func expanded(_ values: Values) -> String? {
        var result = literals[0]
        for (index, place) in places.enumerated() {
            guard let value = values[place], !value.isEmpty, !value.utf8.contains(where: separators.contains) else {
                return nil
            }
            result += value + literals[index + 1]
        }
        return VisibleASCII.isName(result, maximum: Self.maximumLength) ? result : nil
    }
}
