# The commands of this project; README.md says what each is for.

.PHONY: build demo test format clean

# One static release build serves the demo, the stack and the package: it runs on hosts without a Swift toolchain.
build:
	@scripts/deps build
	swift build -c release --static-swift-stdlib

demo: build
	@scripts/demo

test:
	@scripts/test

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests

clean:
	rm -rf .build
