import Custody
import StrictEncoding
import Synchronization

/// Remembers signed orders until they run out, so that each is carried out once.
///
/// An order is for one run of one core, so that memory is enough: a restart makes every earlier one worthless.
final class SpentOrders: Sendable {
    private let ends = Mutex<[String: UnixTime]>([:])

    /// Spends an order that was verified; throws when it was spent before.
    ///
    /// Of two at once one is first.
    func spend(_ order: Order, now: UnixTime) throws(CustodyError) {
        let isNew = ends.withLock { ends in
            ends = ends.filter { $0.value > now }
            return ends.updateValue(order.expires, forKey: order.hash) == nil
        }
        guard isNew else {
            throw CustodyError(.repeated, "this order was carried out already: have a new one signed")
        }
    }
}
