"""The parts of the benchmarks: servers, rows, load, measurements and reports."""
