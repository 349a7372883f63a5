import OdysCore
import Testing

extension PrometheusText {
    fileprivate var text: String { String(decoding: bytes, as: UTF8.self) }
}

@Suite struct PrometheusTextTests {
    @Test func aFamilyHasHelpTypeAndSamples() {
        var page = PrometheusText()
        page.add("a_total", .counter, "Words.", [.init(3, ("x", "1"), ("y", "2")), .init(0.25)])
        page.add("b", .gauge, "More.", 7)
        #expect(
            page.text == """
                # HELP a_total Words.
                # TYPE a_total counter
                a_total{x="1",y="2"} 3
                a_total 0.25
                # HELP b More.
                # TYPE b gauge
                b 7

                """)
    }

    @Test func whatIsNotKnownIsNotThere() {
        var page = PrometheusText()
        page.add("a", .gauge, "Words.", [])
        page.add("b", "Words.", [])
        #expect(page.text == "")
    }

    @Test func labelsAreEscaped() {
        var page = PrometheusText()
        page.add("a", .gauge, "Words.", [.init(1, ("x", "q\"b\\n\nz"))])
        #expect(page.text.hasSuffix("a{x=\"q\\\"b\\\\n\\nz\"} 1\n"))
    }

    @Test func bucketsOfAHistogramAddUp() {
        var page = PrometheusText()
        page.add("t", "Words.", [.init(bounds: [0.5, 1], counts: [2, 0, 3], sum: 9.5, labels: [("c", "x")])])
        #expect(
            page.text == """
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
