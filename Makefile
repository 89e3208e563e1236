# SPDX-License-Identifier: GPL-2.0-or-later
#
# make              everything into build/
# make check        unit tests
# make check-system system tests, as root (scripts/check does it all on a new machine)
# make check-services those that record, once more by services, as root
# make check-kernels some of them on other kernels, under emulation
# make check-arm64  what can be checked of the arm64 build elsewhere
# make bench        ratios against other tools, as root; EVENTS=100000000: a replay of so many
# make install      DESTDIR= PREFIX=
# make install-service   and units for the vault as a service
# make compile_commands.json   for editors; needs bear
#
# V=1 shows the commands; SANITIZE=1 builds with ASan and UBSan into build/sanitize.

PREFIX	?= /usr/local
CC	?= gcc
CLANG	?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
VERSION := 0.1.0

comma := ,

# FUZZ=1 is how "make fuzz" calls itself: clang, with libFuzzer and the sanitizers, into build/fuzz
BUILD := build$(if $(FUZZ),/fuzz,$(if $(SANITIZE),/sanitize))
Q     := $(if $(V),,@)
say    = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

ARCH := $(shell uname -m)
BPF_ARCH := $(if $(filter x86_64,$(ARCH)),x86,$(if $(filter aarch64,$(ARCH)),arm64,$(ARCH)))

CFLAGS	 ?= -O2 -g
CFLAGS	 += -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	    -Wno-missing-field-initializers -fno-strict-aliasing -fstack-protector-strong
CPPFLAGS += -D_GNU_SOURCE -DHEAPTRAIL_VERSION='"$(VERSION)"' -Iuserspace -I. -I$(BUILD) -I$(BUILD)/generated
ifdef FUZZ
CC	 := $(CLANG)
CFLAGS	 += -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer \
	    -DHEAPTRAIL_SANITIZE -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
LDFLAGS	 += -fsanitize=fuzzer,address,undefined
else ifdef SANITIZE
CFLAGS	 += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -DHEAPTRAIL_SANITIZE
LDFLAGS	 += -fsanitize=address,undefined
else
CPPFLAGS += -D_FORTIFY_SOURCE=2
CFLAGS	 += -fPIE
LDFLAGS	 += -pie -Wl,-z,relro,-z,now
endif
# sections that nothing refers to are how libFuzzer counts
LDFLAGS	 += -Wl,--as-needed $(if $(FUZZ),,-Wl$(comma)--gc-sections)

# Folders become archives; each program links only the folders and libraries that its row names.
FOLDERS := $(filter-out workers commands,$(notdir $(patsubst %/,%,$(wildcard userspace/*/))))
objects	 = $(patsubst userspace/%.c,$(BUILD)/%.o,$(wildcard userspace/$(1)/*.c))
archive	 = $(BUILD)/$(1)/$(1).a

WORKERS := tracer resolver symbolizer writer vault reader census watcher mirror
PROGRAMS := $(BUILD)/heaptrail $(WORKERS:%=$(BUILD)/workers/heaptrail-%)

# What every worker has: how it starts and confines itself.
worker_objects := $(patsubst %,$(BUILD)/workers/%.o,worker leave_root identity policy confine opens) $(BUILD)/generated/policies.o

link_heaptrail	:= commands export audit keys base capture
libs_heaptrail	:= -ljansson -lsodium -lzstd -lbsd
link_tracer	:= tracing base
libs_tracer	:= -lbpf -lcap -lseccomp
link_resolver	:= base
libs_resolver	:= -lcap -lseccomp
link_symbolizer := symbols capture base
libs_symbolizer := -ldw -lelf -llzma -lZydis -liberty -lcap -lseccomp
link_writer	:= analysis capture keys base
libs_writer	:= -lzstd -lsodium -lcap -lseccomp
extra_vault	:= $(BUILD)/workers/start.o # it starts readers
link_vault	:= vault audit capture keys base
libs_vault	:= -lsodium -lzstd -ljansson -lcap -lseccomp
link_reader	:= analysis capture base
libs_reader	:= -lzstd -lsodium -ljansson -lcap -lseccomp
link_watcher	:= vault audit base
libs_watcher	:= -lsodium -lcap -lseccomp
link_mirror	:= audit base
libs_mirror	:= -lcap -lseccomp
link_census	:= heap base
libs_census	:= -lcap -lseccomp
libs_all	:= -lbpf -ldw -lelf -llzma -lZydis -liberty -lzstd -lsodium -ljansson -lbsd -lcap -lseccomp -lm

TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*/*_test.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c)))
TARGETS := $(patsubst tests/programs/%.c,$(BUILD)/programs/%,$(wildcard tests/programs/*.c))

.PHONY: all check check-units check-corpora fuzz fuzz-keep fuzzers check-system check-services check-kernels check-arm64 bench install install-service clean programs compile_commands.json
.SECONDARY:
SHELL := /bin/bash
all: $(PROGRAMS)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# Two sums that are added to at once must both have left the store buffer before; one by one they need not.
$(BUILD)/analysis/%.o: CFLAGS += -fno-tree-slp-vectorize

$(BUILD)/%.o: userspace/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -ffunction-sections -fdata-sections -MMD -MP -c $< -o $@

define folder_rule
$(call archive,$(1)): $(call objects,$(1))
	$$(call say,AR,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach folder,$(FOLDERS) commands,$(eval $(call folder_rule,$(folder))))

folders_of = $(foreach folder,$(1),$(if $(wildcard userspace/$(folder)/*.c),$(call archive,$(folder))))

$(BUILD)/heaptrail: $(BUILD)/main.o $(BUILD)/workers/start.o $(call folders_of,$(link_heaptrail))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(libs_heaptrail) -lm -o $@

define worker_rule
$(BUILD)/workers/heaptrail-$(1): $(patsubst userspace/%.c,$(BUILD)/%.o,$(wildcard userspace/workers/$(1).c userspace/workers/$(1)_*.c)) $(extra_$(1)) $(worker_objects) $(call folders_of,$(link_$(1)))
	$$(call say,LINK,$$@)
	$$(Q)$(CC) $(LDFLAGS) $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
		$$(libs_$(1)) -lm -o $$@
endef
$(foreach worker,$(WORKERS),$(eval $(call worker_rule,$(worker))))

# The kernel side: one object, embedded in the tracer as a skeleton; and the same in an object of the tests'.
define bpf_rule
$(BUILD)/generated/$(1).bpf.o: $(2)/$(1).bpf.c
	$$(call say,BPF,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(CLANG) -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Ivmlinux -I. -Wall -Werror \
		-Wno-gnu-variable-sized-type-not-at-end \
		-MMD -MP -MF $$(@:.o=.d) -c $$< -o $$@

$(BUILD)/generated/$(1).skel.h: $(BUILD)/generated/$(1).bpf.o
	$$(call say,SKEL,$$@)
	$$(Q)$(BPFTOOL) gen skeleton $$< name $(1) > $$@.tmp && mv $$@.tmp $$@
endef
$(eval $(call bpf_rule,heaptrail,bpf))
$(eval $(call bpf_rule,fidelity,tests/fidelity))
$(eval $(call bpf_rule,walk,tests/bench))

$(BUILD)/tracing/probes.o: $(BUILD)/generated/heaptrail.skel.h

# The rights of workers, from text to a table.
POLICIES := $(wildcard policies/workers/*.policy)
$(BUILD)/generated/policies.c: scripts/policies-to-c $(POLICIES)
	$(call say,POLICY,$@)
	$(Q)mkdir -p $(@D)
	$(Q)scripts/policies-to-c $(POLICIES) > $@.tmp && mv $@.tmp $@

$(BUILD)/generated/policies.o: $(BUILD)/generated/policies.c
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

# The rules for who may open captures, where an administrator wrote none.
$(BUILD)/generated/access_default.h: policies/access/default.policy
	$(call say,POLICY,$@)
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's/[\\"]/\\&/g' -e 's/.*/\t"&\\n" \\/' -e '1i #define ACCESS_DEFAULT \\' -e '$$a\ \t""' $< > $@.tmp && mv $@.tmp $@

$(BUILD)/vault/access.o: $(BUILD)/generated/access_default.h

# Unit tests may reach every folder, and start workers.
$(BUILD)/tests/%: tests/unit/%.c $(call folders_of,$(FOLDERS) commands) $(BUILD)/workers/start.o
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d $< $(LDFLAGS) \
		-Wl,--start-group $(filter %.a %.o,$^) -Wl,--end-group -lcmocka $(libs_all) -o $@

# Parsers of hostile bytes, each with a program that gives it the inputs of its corpus, or with libFuzzer.
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(if $(FUZZ),,tests/fuzz/replay.c) $(wildcard tests/fuzz/*.h) $(call folders_of,$(FOLDERS))
	$(call say,FUZZER,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(filter %.c,$^) $(LDFLAGS) \
		-Wl,--start-group $(filter %.a %.o,$^) -Wl,--end-group $(libs_all) -o $@

$(BUILD)/tests/fuzz/vault_keys: $(BUILD)/workers/vault_keys.o
$(BUILD)/tests/fuzz/vault_brought: $(BUILD)/workers/vault_brought.o

# Measurements of single parts; "make bench" measures the whole.
$(BUILD)/bench/%: tests/bench/%.c $(call folders_of,analysis audit keys symbols capture base)
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d $< $(LDFLAGS) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(libs_all) -o $@

$(BUILD)/bench/walk: tests/bench/walk.c $(BUILD)/generated/walk.skel.h $(call folders_of,tracing symbols base)
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $< $(LDFLAGS) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(libs_all) -o $@

$(BUILD)/bench/chain: tests/bench/chain.c
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -g -fomit-frame-pointer -fno-optimize-sibling-calls $< -o $@

$(BUILD)/bench/crew: tests/bench/crew.c
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -g -fomit-frame-pointer -fno-optimize-sibling-calls -fno-builtin $< -pthread -o $@

$(BUILD)/bench/chain-fp: tests/bench/chain.c
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls $< -o $@

# Another unwinder's opinion of the same stacks.
$(BUILD)/tests/fidelity: $(wildcard tests/fidelity/*.[ch]) $(BUILD)/generated/fidelity.skel.h $(call folders_of,tracing symbols base)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(filter-out %.bpf.c,$(filter %.c,$^)) $(LDFLAGS) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(libs_all) -o $@

# Workers' rights, tried from inside: what a worker confines itself with, and calls that must fail.
$(BUILD)/tests/rights: tests/rights/rights.c tests/rights/attempts.c tests/rights/attempts.h $(worker_objects) $(call folders_of,base)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(filter %.c,$^) $(LDFLAGS) $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcap -lseccomp -o $@

# What the tracer needs to load its programs.
$(BUILD)/tests/needs: tests/rights/needs.c $(call folders_of,base)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d $< $(LDFLAGS) $(filter %.a,$^) -lcap -o $@

# Workers' peers that do not keep to the protocol.
$(BUILD)/tests/peers: tests/rights/peers.c $(call folders_of,base)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d $< $(LDFLAGS) $(filter %.a,$^) -o $@

# Kills a worker at any of its calls, or lets it write less.
$(BUILD)/tests/faults: tests/faults/faults.c
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $< $(LDFLAGS) -o $@

# Targets print the truth that they cause; they are built as distributions build, without frame pointers.
$(BUILD)/programs/%: tests/programs/%.c $(wildcard tests/programs/*.h)
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -fno-builtin -fno-optimize-sibling-calls \
		-rdynamic $(PROGRAM_CFLAGS) $< -pthread -ldl $(PROGRAM_LIBS) -o $@

$(BUILD)/programs/operators: PROGRAM_LIBS := -lstdc++
$(BUILD)/programs/mallocx: PROGRAM_LIBS := -ljemalloc

# Programs that print the call chains that they cause (tests/programs/chains/chains.h), built as programs may be.
chains := $(BUILD)/programs/chains
CHAINS :=
# $(1): name; $(2): sources; $(3): compiler and flags
define chain_rule
CHAINS += $(chains)/$(1)
$(chains)/$(1): $(2:%=tests/programs/chains/%) tests/programs/chains/chains.h $(BUILD)/programs/chains.o
	$$(call say,TARGET,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(3) -D_GNU_SOURCE -Wall -Wextra -fno-builtin-malloc -pthread $$(filter-out %.h %.so,$$^) -ldl -o $$@
endef
$(BUILD)/programs/chains.o: tests/programs/chains/chains.c tests/programs/chains/chains.h tests/programs/truth.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -fPIE -Wall -Wextra -Wno-unused-function -c $< -o $@

no_tables := -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-exceptions
$(eval $(call chain_rule,calls-gcc-O0,calls.c,gcc -O0))
$(eval $(call chain_rule,calls-gcc-O2-cet,calls.c,gcc -O2 -fcf-protection=full -fstack-protector-all))
$(eval $(call chain_rule,calls-gcc-O3,calls.c,gcc -O3 -fomit-frame-pointer))
$(eval $(call chain_rule,calls-gcc-frame-pointer,calls.c,gcc -O2 -fno-omit-frame-pointer -no-pie))
$(eval $(call chain_rule,calls-gcc-static,calls.c,gcc -O2 -static -no-pie))
$(eval $(call chain_rule,calls-gcc-static-pie,calls.c,gcc -O2 -static-pie -fPIE))
$(eval $(call chain_rule,calls-gcc-debug-frame,calls.c,gcc -O2 -g $(no_tables)))
$(eval $(call chain_rule,calls-gcc-no-search-table,calls.c,gcc -O2 -Wl$(comma)--no-eh-frame-hdr))
$(eval $(call chain_rule,calls-gcc-gold,calls.c,gcc -O2 -fuse-ld=gold -ffunction-sections -Wl$(comma)--gc-sections))
$(eval $(call chain_rule,calls-gcc-one-segment,calls.c,gcc -O2 -Wl$(comma)-z$(comma)noseparate-code))
$(eval $(call chain_rule,calls-gcc-large-pages,calls.c,gcc -O2 -Wl$(comma)-z$(comma)max-page-size=0x200000))
$(eval $(call chain_rule,calls-gcc-lto,calls.c,gcc -O3 -flto -fno-plt))
$(eval $(call chain_rule,calls-clang-O0,calls.c,clang -O0))
$(eval $(call chain_rule,calls-clang-O3,calls.c,clang -O3 -fomit-frame-pointer))
$(eval $(call chain_rule,calls-clang-debug-frame,calls.c,clang -O2 -g $(no_tables)))
$(eval $(call chain_rule,cfi,cfi.c cfi.S,gcc -O2))
$(eval $(call chain_rule,exceptions-gcc-O0,exceptions.cc,g++ -O0))
$(eval $(call chain_rule,exceptions-gcc-O2,exceptions.cc,g++ -O2))
$(eval $(call chain_rule,exceptions-gcc-static,exceptions.cc,g++ -O2 -static))
$(eval $(call chain_rule,exceptions-clang-O2,exceptions.cc,clang++ -O2))
$(eval $(call chain_rule,interrupted-gcc-O0,interrupted.c,gcc -O0))
$(eval $(call chain_rule,interrupted-gcc-O2,interrupted.c,gcc -O2))
$(eval $(call chain_rule,interrupted-clang-O2,interrupted.c,clang -O2))
$(eval $(call chain_rule,jit,jit.c,gcc -O2))
$(eval $(call chain_rule,plugins,plugins.c,gcc -O2 -rdynamic))
$(chains)/plugins: $(chains)/plugins.one.so $(chains)/plugins.two.so
$(chains)/plugins.one.so: plugin := -DROOM=100 -DSIZE=13001
$(chains)/plugins.two.so: plugin := -DROOM=1000 -DSIZE=13002
$(chains)/plugins.%.so: tests/programs/chains/plugin.c tests/programs/chains/chains.h
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -shared -fPIC -fvisibility=hidden -fno-builtin-malloc -DPLUGIN=$* $(plugin) $< -o $@

# The same programs with other allocators, linked in every way that programs are.
linked := $(BUILD)/programs/linked
LINKED :=
# $(1): program; $(2): way; $(3): compiler and options; $(4): libraries, after the source
define linked_rule
LINKED += $(linked)/$(1)-$(2)
$(linked)/$(1)-$(2): tests/programs/$(1).c tests/programs/truth.h
	$$(call say,TARGET,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(3) -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-builtin -fno-optimize-sibling-calls $$< $(4) -pthread -o $$@
endef
$(foreach program,basic crossfree,\
	$(eval $(call linked_rule,$(program),static,gcc -static,))\
	$(eval $(call linked_rule,$(program),jemalloc,gcc,-ljemalloc))\
	$(eval $(call linked_rule,$(program),tcmalloc,gcc,-ltcmalloc_minimal))\
	$(eval $(call linked_rule,$(program),mimalloc,gcc,-Wl$(comma)--no-as-needed -lmimalloc))\
	$(eval $(call linked_rule,$(program),musl,musl-gcc,))\
	$(eval $(call linked_rule,$(program),musl-static,musl-gcc -static,)))
$(eval $(call linked_rule,operators,static,gcc -static,-lstdc++))
$(eval $(call linked_rule,heaps,static,gcc -static,))

# jemalloc as it is when it was built with a prefix: the names of a static one, changed
jemalloc_names := malloc calloc realloc free posix_memalign aligned_alloc memalign valloc mallocx rallocx xallocx sallocx \
		  dallocx sdallocx nallocx
define prefix_rule
$(BUILD)/programs/libjemalloc-$(1).a:
	$$(call say,AR,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)objcopy $(foreach name,$(jemalloc_names),--redefine-sym $(name)=$(1)$(name)) $$(shell $(CC) -print-file-name=libjemalloc.a) $$@

$(eval $(call linked_rule,mallocx,$(1),gcc $(foreach name,$(jemalloc_names),-D$(name)=$(1)$(name)),\
	$(BUILD)/programs/libjemalloc-$(1).a -lm -ldl -lstdc++))
$(eval $(call linked_rule,crossfree,$(1),gcc $(foreach name,$(jemalloc_names),-D$(name)=$(1)$(name)),\
	$(BUILD)/programs/libjemalloc-$(1).a -lm -ldl -lstdc++))
$(linked)/mallocx-$(1) $(linked)/crossfree-$(1): $(BUILD)/programs/libjemalloc-$(1).a
endef
$(foreach prefix,je_ _rjem_,$(eval $(call prefix_rule,$(prefix))))

programs: $(TARGETS) $(CHAINS) $(LINKED)

check: check-units check-corpora

check-units: $(PROGRAMS) $(TESTS)
	$(Q)scripts/include-check
	$(Q)scripts/run-unit-tests $(TESTS)

check-corpora: $(FUZZERS)
	$(Q)scripts/replay-corpora $(FUZZERS)

fuzzers: $(FUZZERS)

SECONDS := 60
fuzz:
	$(Q)$(MAKE) FUZZ=1 fuzzers
	$(Q)scripts/fuzz $(SECONDS) $(addprefix build/fuzz/tests/fuzz/,$(or $(TARGET),$(notdir $(FUZZERS))))

fuzz-keep:
	$(Q)$(MAKE) FUZZ=1 fuzzers
	$(Q)scripts/fuzz-keep $(addprefix build/fuzz/tests/fuzz/,$(or $(TARGET),$(notdir $(FUZZERS))))

check-system: all programs $(addprefix $(BUILD)/tests/,fidelity rights needs peers faults)
	$(Q)scripts/run-system-tests

check-services: all programs
	$(Q)scripts/run-system-tests --as-services

check-arm64:
	$(Q)scripts/check-arm64

check-kernels: all programs $(BUILD)/tests/needs
	$(Q)tests/kernels/run

bench: all programs $(addprefix $(BUILD)/bench/,walk chain chain-fp crew tables names seal grant replay)
	$(Q)$(BUILD)/bench/walk $(BUILD)/bench/chain $(BUILD)/bench/chain-fp
	$(Q)$(BUILD)/bench/tables /usr/bin /usr/lib
	$(Q)$(BUILD)/bench/seal
	$(Q)$(BUILD)/bench/grant $(BUILD) /dev/shm
	$(Q)$(BUILD)/bench/replay $(EVENTS)
	$(Q)tests/bench/complete
	$(Q)tests/bench/run
	$(Q)tests/bench/run-names
	$(Q)tests/bench/run-others
	$(Q)tests/bench/run-files

compile_commands.json:
	bear -- $(MAKE) -B all

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/heaptrail
	install -m 755 $(BUILD)/heaptrail $(DESTDIR)$(PREFIX)/bin/heaptrail
	install -m 755 $(WORKERS:%=$(BUILD)/workers/heaptrail-%) $(DESTDIR)$(PREFIX)/libexec/heaptrail
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/share/doc/heaptrail $(DESTDIR)$(PREFIX)/share/heaptrail
	install -m 644 userspace/include/heaptrail.h $(DESTDIR)$(PREFIX)/include/heaptrail.h
	install -m 644 README.md docs/*.md $(DESTDIR)$(PREFIX)/share/doc/heaptrail
	install -m 644 policies/access/default.policy $(DESTDIR)$(PREFIX)/share/heaptrail/access.policy

# The vault and the recorder as services, for people who are not root.
install-service: install
	install -d $(DESTDIR)/usr/lib/{systemd/system,sysusers.d,tmpfiles.d}
	for unit in policies/systemd/*.{service,socket}; do \
		sed 's,/usr/local,$(PREFIX),' $$unit > $(DESTDIR)/usr/lib/systemd/system/$${unit##*/} || exit 1; \
	done
	install -m 644 policies/systemd/sysusers.conf $(DESTDIR)/usr/lib/sysusers.d/heaptrail.conf
	install -m 644 policies/systemd/tmpfiles.conf $(DESTDIR)/usr/lib/tmpfiles.d/heaptrail.conf

clean:
	rm -rf build compile_commands.json
