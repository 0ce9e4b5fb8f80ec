/// A user of a module, for as long as it lives.
final class ModuleUse: Sendable {
    private let module: Module

    init(_ module: Module) {
        self.module = module
        module.enter()
    }

    deinit { module.leave() }
}
