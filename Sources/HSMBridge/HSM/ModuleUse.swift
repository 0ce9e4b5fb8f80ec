/// A user of a module, for as long as it lives.
final class ModuleUse: Sendable {
    private let module: Module

    init(_ module: Module) throws(HSMError) {
        try module.enter()
        self.module = module
    }

    deinit { module.leave() }
}
