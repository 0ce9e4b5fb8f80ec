import Synchronization
import Testing

@testable import VaultAppliance

/// The format: https://prometheus.io/docs/instrumenting/exposition_formats, "Text-based format", version 0.0.4.
@Suite struct MetricsTests {
    private func text(_ registry: MetricsRegistry) -> String { String(decoding: registry.exposition(), as: UTF8.self) }

    @Test func familiesAreInOrderAndSeriesBelowTheirHeader() {
        let registry = MetricsRegistry()
        let requests = registry.counter("b_total", "Requests.", labels: ["route", "status"])
        requests.with("/token", "400").increment(by: 2)
        requests.with("/token", "200").increment()
        registry.gauge("a", "A value.").with().set(1.5)
        #expect(
            text(registry) == """
                # HELP a A value.
                # TYPE a gauge
                a 1.5
                # HELP b_total Requests.
                # TYPE b_total counter
                b_total{route="/token",status="200"} 1
                b_total{route="/token",status="400"} 2

                """)
    }

    @Test func histogramsAreCumulative() {
        let registry = MetricsRegistry()
        let histogram = registry.histogram("h", "Times.", labels: ["l"], buckets: [0.1, 1, 10]).with("x")
        for value in [0.05, 0.1, 0.5, 5, 50] { histogram.observe(value) }
        histogram.observe(.milliseconds(250))
        #expect(
            text(registry) == """
                # HELP h Times.
                # TYPE h histogram
                h_bucket{l="x",le="0.1"} 2
                h_bucket{l="x",le="1"} 4
                h_bucket{l="x",le="10"} 5
                h_bucket{l="x",le="+Inf"} 6
                h_sum{l="x"} 55.9
                h_count{l="x"} 6

                """)
    }

    @Test func helpAndLabelValuesAreEscaped() {
        let registry = MetricsRegistry()
        registry.counter("c", "one \\ \"two\"\nthree", labels: ["l"]).with("a\\b\"c\nd").increment()
        #expect(text(registry) == "# HELP c one \\\\ \"two\"\\nthree\n# TYPE c counter\nc{l=\"a\\\\b\\\"c\\nd\"} 1\n")
    }

    @Test(
        "numbers are printed as the format reads them",
        arguments: [
            (0.0, "0"), (3, "3"), (-1, "-1"), (0.1, "0.1"), (1e21, "1e+21"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
            (.nan, "NaN"),
            (1_795_000_000, "1795000000"),
        ])
    func numbers(_ value: Double, _ expected: String) {
        #expect(MetricsText.number(value) == expected)
    }

    @Test func seriesAreBounded() {
        let family = MetricsRegistry().counter("c", "C.", labels: ["l"])
        for value in 0..<(MetricFamily<Counter>.maximumSeries + 50) { family.with("\(value)").increment() }
        var printed = MetricsText()
        family.write(into: &printed)
        let lines = String(decoding: printed.bytes, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == MetricFamily<Counter>.maximumSeries + 1)
        #expect(lines.contains(#"c{l="other"} 50"#))
    }

    @Test func oneNameIsOneFamily() {
        let registry = MetricsRegistry()
        registry.counter("c", "C.", labels: ["l"]).with("a").increment()
        registry.counter("c", "C.", labels: ["l"]).with("a").increment()
        #expect(text(registry).contains(#"c{l="a"} 2"#))
    }

    @Test func aGaugeAsksForItsValue() {
        let gauge = Gauge()
        gauge.follow { 7 }
        #expect(gauge.value == 7)
    }

    @Test func aFollowedFamilyShowsWhatThereIsWhenItIsPrinted() {
        let registry = MetricsRegistry()
        let there = Mutex(true)
        registry.follow(.counter, "f_total", "F.", labels: ["l"]) {
            there.withLock { $0 } ? [(["b"], 2), (["a"], 1)] : []
        }
        let header = "# HELP f_total F.\n# TYPE f_total counter\n"
        #expect(text(registry) == header + "f_total{l=\"a\"} 1\nf_total{l=\"b\"} 2\n")
        there.withLock { $0 = false }
        #expect(text(registry) == header)
    }

    @Test func whatCanHappenIsCountedFromZero() {
        let registry = MetricsRegistry()
        _ = ExchangeMetrics(registry)
        _ = ListenerMetrics("ops", registry, isTLS: false)
        _ = ListenerMetrics("gateway", registry)
        let printed = text(registry)
        #expect(printed.contains(#"vault_exchange_refused_total{code="access_denied"} 0"#))
        #expect(printed.contains(#"vault_tls_handshakes_total{listener="gateway",outcome="failed"} 0"#))
        #expect(!printed.contains(#"vault_tls_handshakes_total{listener="ops""#))
    }

    @Test func countingFromManyTasksLosesNothing() async {
        let registry = MetricsRegistry()
        await withTaskGroup(of: Void.self) { tasks in
            for _ in 0..<8 {
                tasks.addTask {
                    for _ in 0..<1000 {
                        registry.counter("c", "C.").with().increment()
                        registry.histogram("h", "H.").with().observe(0.001)
                    }
                }
            }
        }
        #expect(registry.counter("c", "C.").with().value == 8000)
        #expect(text(registry).contains("h_count 8000\n"))
    }
}
