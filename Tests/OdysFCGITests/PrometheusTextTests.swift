import Testing

@testable import OdysFCGI

@Suite struct PrometheusTextTests {
    @Test("Prometheus: HELP, TYPE and samples")
    func aFamilyHasHelpTypeAndSamples() {
        var page = PrometheusText()
        page.add("a_total", .counter, "Words.", [(3, [("x", "1"), ("y", "2")]), (0.25, [])])
        page.add("b", .gauge, "More.", 7)
        #expect(
            String(decoding: page.bytes, as: UTF8.self) == """
                # HELP a_total Words.
                # TYPE a_total counter
                a_total{x="1",y="2"} 3
                a_total 0.25
                # HELP b More.
                # TYPE b gauge
                b 7

                """)
    }

    @Test("Prometheus: a family without samples is left out")
    func whatIsNotKnownIsNotThere() {
        var page = PrometheusText()
        page.add("a", .gauge, "Words.", [(value: Int, labels: [PrometheusText.Label])]())
        page.add("b", "Words.", [])
        #expect(String(decoding: page.bytes, as: UTF8.self) == "")
    }

    @Test("Prometheus: label values are escaped")
    func labelsAreEscaped() {
        var page = PrometheusText()
        page.add("a", .gauge, "Words.", [(1, [("x", "q\"b\\n\nz")])])
        #expect(String(decoding: page.bytes, as: UTF8.self).hasSuffix("a{x=\"q\\\"b\\\\n\\nz\"} 1\n"))
    }

    @Test("Prometheus: histogram buckets are cumulative")
    func bucketsOfAHistogramAddUp() {
        var page = PrometheusText()
        let histogram = Histogram([0.5, 1], ("c", "x"))
        for seconds in [0.25, 0.25, 3, 3, 3] { histogram.note(seconds: seconds) }
        page.add("t", "Words.", [histogram])
        #expect(
            String(decoding: page.bytes, as: UTF8.self) == """
                # HELP t Words.
                # TYPE t histogram
                t_bucket{c="x",le="0.5"} 2
                t_bucket{c="x",le="1"} 2
                t_bucket{c="x",le="+Inf"} 5
                t_sum{c="x"} 9.5
                t_count{c="x"} 5

                """)
    }
}
