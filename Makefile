# SPDX-License-Identifier: BSD-2-Clause
# What one does with this tree.  Each target is one line of intent; the work is
# in tools/.  `make demo` and `make test` need nothing but make (and git for the
# clone): they install the rest, after saying what.

help:			## this list
	@sed -n 's/^\([a-z]*\):.*## */\1	/p' $(MAKEFILE_LIST) | expand -t 12

demo:			## build, then change a real FFS image and show that it stayed
	@tools/demo

test:			## build, then run every test
	@tools/test

quick:			## a third of the tests, in less than a minute
	@tools/test quick

lint:			## ruff, mypy --strict, warnings, generated files
	@tools/lint

bench:			## measure against the peers, as ratios
	@tools/bench

ci:			## what continuous integration runs
	@.ci/run

campaign:		## long searches: crash states, schedules, fuzzing
	@tools/campaign

fuzz:			## damaged images and system calls for the FFS driver, 40 minutes of CPU
	@tools/fuzz --seconds 1400
	@tools/fuzz --kernel --seconds 400
	@tools/fuzz --calls --seconds 600

build:			## everything that is compiled, in place
	@tools/setup build

clean:			## remove what was built, but not .venv
	@rm -rf build dist rumpy/_data rumpy/_hyp*.so rumpy/_hyp.c *.egg-info

.PHONY: help demo test quick lint bench ci campaign fuzz build clean
