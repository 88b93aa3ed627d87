# `make demo` and `make test` set up what they need on a bare Debian 12 with Swift 6.3.
# Tests look inside modules; the command is built with the same flags so that one build serves both.
FLAGS = -c release -Xswiftc -enable-testing
BUILD = swift build $(FLAGS)
COMMAND = .build/release/fusionspec

.PHONY: demo test test-processors bench format lint build dependencies

dependencies:
	@scripts/install-dependencies

build: dependencies
	@$(BUILD) --product fusionspec

# The main job: text with speculation off and on, the same tokens, what it gained.
demo: build
	@$(COMMAND) demo

test: dependencies lint test-processors
	@$(BUILD) --build-tests
	@swift test $(FLAGS) --skip-build

# The kernels on other processors, in an emulator.
test-processors: dependencies
	@scripts/test-processors

# Speed of the sample model: against the machine's limits, then by speculation setting over its evaluation set.
bench: build
	@scripts/bench

lint:
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests Samples

format:
	@swift format --in-place --recursive --parallel Package.swift Sources Tests Samples
