extension Job {
    /// A signature that nobody checks and nobody gets: how long lanes take without the host's check of it.
    ///
    /// For the benchmark alone, and internal to this module: what the token answers is dropped on the lane.
    static func unchecked(
        _ message: [UInt8], with key: BoundKey, completion: @escaping BenchmarkChain.Completion
    ) -> Job {
        .task(
            run: { lane in
                let result: Result<Void, HSMError>
                do throws(HSMError) {
                    let prepared = SigningInput(message, algorithm: key.reference.algorithm)
                    _ = try lane.ask(for: prepared, of: message, key.handle)
                    lane.verdict = .works
                    result = .success(())
                } catch {
                    result = .failure(error)
                }
                return Job.Outcome(result) { completion(result) }
            },
            refuse: { completion(.failure($0)) })
    }
}
