# The commands of this project; README.md says what each is for.

.PHONY: build demo test soak mutants sanitize fuzz format clean

# One static release build serves the demo, the stack and the package: it runs on hosts without a Swift toolchain.
build:
	@scripts/deps build
	swift build -c release --static-swift-stdlib

demo: build
	@scripts/demo

test:
	@scripts/test

# The long form of the reliability tests: hours of faults, and a report with figures.
soak:
	@scripts/deps test
	swift build
	$(MAKE) build
	@scripts/soak

# Removes, one at a time, what makes the product right, and names the test that notices.
mutants:
	@scripts/deps test
	@scripts/mutants

# The unit and store tests under ThreadSanitizer and AddressSanitizer.
sanitize:
	@scripts/test sanitize

# Ten million mutated FastCGI records at the responders' sockets, and ten minutes of libFuzzer for each parser.
fuzz:
	@scripts/deps test
	swift build
	$(MAKE) build
	@ODYS_FUZZ_RECORDS=10000000 scripts/test end-to-end -- -k test_mutated_records
	@scripts/fuzz

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests

clean:
	rm -rf .build
