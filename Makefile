# The commands of this project; README.md says what each is for.

.PHONY: bench bench-delivery bench-growth build check docs deb demo hooks test test-deb api-fuzz fuzz soak mutants sanitize format catalogue clean

# One static release build serves the demo, the stack and the package: it runs on hosts without a Swift toolchain.
build:
	@scripts/deps build
	swift build -c release --static-swift-stdlib

# What is made of the code: the reference of the settings, which is committed; manual pages and completion, which are
# not.
docs: build
	scripts/manuals .build/release .build/docs
	cp .build/docs/SETTINGS.md docs/SETTINGS.md

# A Debian package of the release build: .build/deb.
deb: build
	@scripts/deps deb
	@scripts/deb

demo: build
	@scripts/demo

# Format and lint of all languages, and OdysCore's tests: what to run before every commit. No database.
check:
	@scripts/test checks core

test:
	@scripts/test

# Lets git check what is staged before each commit; `git config --unset core.hooksPath` takes it back.
hooks:
	git config core.hooksPath .githooks

# The responder, PHP-FPM and the bare SQL side by side.
bench: build
	@scripts/deps bench
	@bench/throughput.py

# How fast messages reach their providers, and what requests notice of it.
bench-delivery: build
	@scripts/deps bench
	@bench/delivery.py

# Ten million appointments beside ten thousand; memory over ten minutes; cold start.
bench-growth: build
	@scripts/deps bench
	@bench/growth.py

# The package installed, upgraded and purged in a clean Debian 12 that boots with its own systemd. As root.
test-deb: build
	@scripts/test install

# The long form of the fuzz test: thousands of requests made from openapi.yaml, through nginx.
api-fuzz: build
	@API_FUZZ_SECONDS=300 scripts/test end-to-end -- -s -k test_api_fuzz

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
	@ODYS_FUZZ_RECORDS=10000000 scripts/test end-to-end -- -s -k test_mutated_records
	@scripts/fuzz

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests

# Writes the catalogue of errors into docs/HTTP.md; `make test` fails where it is not what the code says.
catalogue:
	@scripts/deps build
	@scripts/catalogue

clean:
	@scripts/test database stop >/dev/null
	rm -rf .build
