# cosmos_vm: what people type. Each target does its own set-up; `make help` lists them.

PREFIX     ?= /usr/local
DESTDIR    ?=
LIBEXECDIR ?= $(PREFIX)/libexec/cosmos
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d
UNITDIR    ?= $(PREFIX)/lib/systemd/user
SYSTEMUNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
PYTHONDIR  ?= $(PREFIX)/lib/python3/dist-packages
CARGO      ?= cargo
INSTALL    ?= install

VERSION := $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
SOMAJOR := $(firstword $(subst ., ,$(VERSION)))
TARGET  := $(or $(CARGO_TARGET_DIR),target)
DAEMONS := cosmosdb cosmosd cosmos-launch cosmos-relay cosmos-hostfn cosmos-exec cosmos-script cosmos-zerovm
COMMANDS := cosmos zerovm zerovm-validate zcc
# Those that write their manual pages and completions for --pages.
PAGED := cosmosd cosmosdb zerovm zerovm-validate zcc
# Seconds each fuzz target runs.
FUZZ_SECONDS ?= 60
# The crates whose tests make calls.
CALLERS := -p cosmos-tests -p cosmos-client -p cosmos-vm-core -p cosmos-hostfn -p cosmos-script
# How often the soak repeats.
SOAK_ROUNDS  ?= 10

.PHONY: help demo test test-ring test-ring-short bench bench-peers install install-built uninstall lint doc fuzz soak build release

# Where install-built finds what it installs.
BUILT ?= $(TARGET)/release

help:
	@echo 'make demo      build, and show a session of real calls'
	@echo 'make test      build, and run every test'
	@echo 'make lint      formatting, clippy, documentation and house rules'
	@echo 'make test-ring every test that calls, without shared memory for calls, and with it'
	@echo 'make test-ring-short  those of them that depend on it most, in about two minutes'
	@echo 'make bench     what a call costs on this machine'
	@echo 'make bench-peers  the same beside other systems; builds them first, which takes minutes'
	@echo 'make install   build for PREFIX=$(PREFIX) and install (DESTDIR= for packages)'
	@echo 'make doc       the documentation of the crates'
	@echo 'make fuzz      every fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS) (needs nightly Rust and cargo-fuzz)'
	@echo 'make soak      the tests that kill, and that count descriptors, processes and memory, SOAK_ROUNDS=$(SOAK_ROUNDS) times'

build:
	$(CARGO) build --locked --workspace

demo:
	tools/setup demo
	$(CARGO) build --locked -p cosmos-cli -p cosmosdb -p cosmosd -p cosmos-launch -p cosmos-relay -p cosmos-hostfn -p cosmos-exec -p cosmos-script -p cosmos-zerovm -p zerovm -p zerovm-validate -p zcc
	$(CARGO) build --locked -p cosmos-tests --example sqlite
	tools/demo $(TARGET)/debug

# The tests start the daemons, so these are built first.
test: build
	tools/setup test
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		set -ex; $(CARGO) nextest run --locked --workspace --no-fail-fast; \
	else \
		set -ex; $(CARGO) build --locked --workspace --examples; \
		$(CARGO) test --locked --workspace --no-fail-fast --lib --bins --tests; \
	fi
	$(CARGO) test --locked --workspace --doc

# Every test that calls, with the ring left out and with it said, whatever the configuration is. Not those beside
# the code: some of them are of the ring itself.
test-ring: build
	@for ring in 0 1; do \
		echo "COSMOS_RING=$$ring"; \
		if $(CARGO) nextest --version >/dev/null 2>&1; then \
			COSMOS_RING=$$ring $(CARGO) nextest run --locked $(CALLERS) --test '*' --no-fail-fast || exit 1; \
		else \
			COSMOS_RING=$$ring $(CARGO) test --locked $(CALLERS) --test '*' --no-fail-fast || exit 1; \
		fi; \
	done

# Those of which each meets another part of the way of a call.
test-ring-short: build
	@for ring in 0 1; do \
		echo "COSMOS_RING=$$ring"; \
		COSMOS_RING=$$ring $(CARGO) test --locked -p cosmos-client --no-fail-fast \
			--test callbacks --test callback_failures --test together --test batch || exit 1; \
		COSMOS_RING=$$ring $(CARGO) test --locked -p cosmos-tests --no-fail-fast \
			--test ring --test arena --test threads --test call_control --test full_tables --test racing_vms --test deaths || exit 1; \
	done

lint:
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps
	tools/house-rules

doc:
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps
	@echo 'open $(TARGET)/doc/cosmos/index.html'

bench:
	rm -f $(TARGET)/bench/targets.json
	$(CARGO) build --locked --release -p cosmos-cli -p cosmosdb -p cosmosd -p cosmos-launch -p cosmos-relay -p cosmos-hostfn -p cosmos-exec
	$(CARGO) bench --locked -p callframe --bench parse
	$(CARGO) bench --locked -p cosmos-tests --bench call --bench ratios --bench bulk --bench opening --bench pooled --bench programs --bench remote --bench placed
	$(CARGO) bench --locked -p cosmos-rpc --bench ring
	$(CARGO) bench --locked -p zerovm-validator --bench speed
	$(CARGO) build --locked --release -p zerovm --bins --examples
	$(CARGO) bench --locked -p zerovm --bench session
	$(CARGO) bench --locked -p zcc --bench kernels
	@$(MAKE) --no-print-directory bench-peers
	$(CARGO) bench --locked -p cosmos-tests --bench targets

# A workspace of its own, for what is compared with is no dependency of the product. One that does not
# build here stops nothing else. Not --locked: its lock file follows the product when that changes.
bench-peers:
	$(CARGO) build --locked --release -p cosmosdb -p cosmosd -p cosmos-launch -p cosmos-hostfn
	@if ! $(CARGO) build --release --manifest-path bench/peers/Cargo.toml --target-dir $(TARGET)/peers; then \
		echo 'the peers could not be built here; the messages above name which'; \
	else \
		sockets=$$(mktemp -d) && COSMOS_LIBEXEC_DIRECTORY='$(abspath $(BUILT))' COSMOS_SOCKET_DIRECTORY=$$sockets/s \
			COSMOS_IDLE_SECONDS=1 $(TARGET)/peers/release/cosmos-peers --out $(TARGET)/bench; \
	fi

fuzz:
	tools/fuzz $(FUZZ_SECONDS)

soak: build
	for round in $$(seq $(SOAK_ROUNDS)); do \
		$(CARGO) test --locked -p cosmos-tests --test leaks -- --nocapture || exit 1; \
		COSMOSTEST_SOAK_RUNS=10000 $(CARGO) test --locked -p cosmos-tests --test programs many_short_runs || exit 1; \
		COSMOSTEST_SOAK=1000 $(CARGO) test --locked -p cosmos-rpc --test ring a_vm_killed || exit 1; \
		COSMOSTEST_DEATHS=60 $(CARGO) test --locked -p cosmos-tests --test deaths -- --nocapture || exit 1; \
		COSMOSTEST_CHAOS=180 $(CARGO) test --locked -p cosmos-tests --test chaos -- --nocapture || exit 1; \
		ZEROVM_SESSIONS=10000 $(CARGO) test --locked -p zerovm --test daemon sessions_leave || exit 1; \
	done
	COSMOSTEST_INTERLEAVINGS=100000 $(CARGO) test --locked -p cosmos-rpc --lib ring::model
	ZEROVM_EXECUTIONS=300000 $(CARGO) test --locked -p zerovm-validator --test execution accepted_code -- --nocapture
	ZCC_MUTATIONS=1000000 $(CARGO) test --locked --release -p zcc --test mutations changed_assembly_crashes_nothing

# Where this was built, and by whom, is nobody's matter where it is installed: messages, and lines of crashes, name
# the sources by these paths in place of the builder's own.
REMAPPED := --remap-path-prefix=$(CURDIR)=/usr/src/cosmos_vm \
	--remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src=/usr/src/cargo

# What is given to this make is not meant for the makes that cargo runs: libffi's own build would
# install itself below DESTDIR.
release:
	env -u MAKEFLAGS -u MFLAGS -u DESTDIR -u PREFIX COSMOS_LIBEXECDIR='$(LIBEXECDIR)' \
		RUSTFLAGS='$(strip $(RUSTFLAGS) $(REMAPPED))' \
		CFLAGS='$(or $(CFLAGS),-g -O2) -ffile-prefix-map=$(CURDIR)=/usr/src/cosmos_vm' \
		$(CARGO) build --locked --release \
		-p cosmos-cli -p cosmosdb -p cosmosd -p cosmos-launch -p cosmos-relay -p cosmos-hostfn -p cosmos-exec -p cosmos-script -p cosmos-zerovm -p cosmos-client -p zerovm -p zerovm-validate -p zcc

install: release
	@$(MAKE) --no-print-directory install-built

# What install does after building; the tests install what they run.
install-built:
	$(INSTALL) -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(LIBEXECDIR)' \
		'$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(INCLUDEDIR)' '$(DESTDIR)$(MANDIR)/man1' \
		'$(DESTDIR)$(BASHDIR)' '$(DESTDIR)$(ZSHDIR)' '$(DESTDIR)$(FISHDIR)' '$(DESTDIR)$(UNITDIR)' \
		'$(DESTDIR)$(SYSTEMUNITDIR)' '$(DESTDIR)$(SYSUSERSDIR)' '$(DESTDIR)$(TMPFILESDIR)' \
		'$(DESTDIR)$(PYTHONDIR)/cosmos'
	for program in $(COMMANDS); do \
		$(INSTALL) -m 755 "$(BUILT)/$$program" '$(DESTDIR)$(PREFIX)/bin/' || exit 1; \
	done
	for program in $(DAEMONS); do \
		$(INSTALL) -m 755 "$(BUILT)/$$program" '$(DESTDIR)$(LIBEXECDIR)/' || exit 1; \
	done
	ln -sf '$(LIBEXECDIR)/cosmosd' '$(DESTDIR)$(PREFIX)/bin/cosmosd'
	$(INSTALL) -m 755 $(BUILT)/libcosmos.so '$(DESTDIR)$(LIBDIR)/libcosmos.so.$(VERSION)'
	ln -sf libcosmos.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/libcosmos.so.$(SOMAJOR)'
	ln -sf libcosmos.so.$(SOMAJOR) '$(DESTDIR)$(LIBDIR)/libcosmos.so'
	$(INSTALL) -m 644 $(BUILT)/libcosmos.a '$(DESTDIR)$(LIBDIR)/libcosmos.a'
	$(INSTALL) -m 644 include/cosmos_vm.h '$(DESTDIR)$(INCLUDEDIR)/cosmos_vm.h'
	$(INSTALL) -m 644 python/cosmos/__init__.py python/cosmos/py.typed '$(DESTDIR)$(PYTHONDIR)/cosmos/'
	sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' -e 's|@VERSION@|$(VERSION)|g' \
		packaging/libcosmos.pc.in > '$(DESTDIR)$(LIBDIR)/pkgconfig/libcosmos.pc'
	sed -e 's|@LIBEXECDIR@|$(LIBEXECDIR)|g' packaging/cosmosdb.service.in \
		> '$(DESTDIR)$(UNITDIR)/cosmosdb.service'
	sed -e 's|@LIBEXECDIR@|$(LIBEXECDIR)|g' packaging/cosmosd.service.in \
		> '$(DESTDIR)$(UNITDIR)/cosmosd.service'
	$(INSTALL) -m 644 packaging/cosmosdb.socket '$(DESTDIR)$(UNITDIR)/cosmosdb.socket'
	sed -e 's|@LIBEXECDIR@|$(LIBEXECDIR)|g' packaging/cosmosd@.service.in \
		> '$(DESTDIR)$(SYSTEMUNITDIR)/cosmosd@.service'
	$(INSTALL) -m 644 packaging/sysusers.conf '$(DESTDIR)$(SYSUSERSDIR)/cosmos.conf'
	$(INSTALL) -m 644 packaging/tmpfiles.conf '$(DESTDIR)$(TMPFILESDIR)/cosmos.conf'
	$(BUILT)/cosmos man '$(DESTDIR)$(MANDIR)/man1'
	$(BUILT)/cosmos completion bash > '$(DESTDIR)$(BASHDIR)/cosmos'
	$(BUILT)/cosmos completion zsh > '$(DESTDIR)$(ZSHDIR)/_cosmos'
	$(BUILT)/cosmos completion fish > '$(DESTDIR)$(FISHDIR)/cosmos.fish'
	pages=$$(mktemp -d) && for program in $(PAGED); do \
		$(BUILT)/$$program --pages "$$pages" && \
		$(INSTALL) -m 644 "$$pages/$$program.1" '$(DESTDIR)$(MANDIR)/man1/' && \
		$(INSTALL) -m 644 "$$pages/$$program" '$(DESTDIR)$(BASHDIR)/' && \
		$(INSTALL) -m 644 "$$pages/_$$program" '$(DESTDIR)$(ZSHDIR)/' && \
		$(INSTALL) -m 644 "$$pages/$$program.fish" '$(DESTDIR)$(FISHDIR)/' || exit 1; \
	done && rm -r "$$pages"
	@[ -n '$(DESTDIR)' ] || echo 'installed; a linker cache may need: ldconfig'

uninstall:
	for program in $(DAEMONS); do rm -f "$(DESTDIR)$(LIBEXECDIR)/$$program"; done
	-rmdir '$(DESTDIR)$(LIBEXECDIR)'
	for program in $(COMMANDS) cosmosd; do rm -f "$(DESTDIR)$(PREFIX)/bin/$$program"; done
	rm -f '$(DESTDIR)$(LIBDIR)'/libcosmos.so* \
		'$(DESTDIR)$(LIBDIR)/libcosmos.a' '$(DESTDIR)$(LIBDIR)/pkgconfig/libcosmos.pc' \
		'$(DESTDIR)$(INCLUDEDIR)/cosmos_vm.h' '$(DESTDIR)$(MANDIR)'/man1/cosmos.1 \
		'$(DESTDIR)$(MANDIR)'/man1/cosmos-*.1 '$(DESTDIR)$(BASHDIR)/cosmos' \
		'$(DESTDIR)$(ZSHDIR)/_cosmos' '$(DESTDIR)$(FISHDIR)/cosmos.fish' \
		'$(DESTDIR)$(UNITDIR)/cosmosdb.service' '$(DESTDIR)$(UNITDIR)/cosmosdb.socket' \
		'$(DESTDIR)$(UNITDIR)/cosmosd.service' '$(DESTDIR)$(SYSTEMUNITDIR)/cosmosd@.service' \
		'$(DESTDIR)$(SYSUSERSDIR)/cosmos.conf' '$(DESTDIR)$(TMPFILESDIR)/cosmos.conf'
	rm -rf '$(DESTDIR)$(PYTHONDIR)/cosmos'
	for program in $(PAGED); do rm -f "$(DESTDIR)$(MANDIR)/man1/$$program.1" \
		"$(DESTDIR)$(BASHDIR)/$$program" "$(DESTDIR)$(ZSHDIR)/_$$program" \
		"$(DESTDIR)$(FISHDIR)/$$program.fish"; done
