# SPDX-License-Identifier: GPL-2.0-or-later
#
# What system tests share: a state directory of their own, targets, a recorder, and their end.
#
# A test sources this, says its claim, and ends with status 0, or with 1 and what was otherwise. Whatever it started is
# ended, by pid, and its files are removed.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${HEAPTRAIL_BUILD:-$root/build}
heaptrail=$build/heaptrail
programs=$build/programs
jemalloc=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2
python=/usr/bin/python3

work=$(mktemp -d /tmp/heaptrail-test.XXXXXX)
export HEAPTRAIL_STATE_DIR=$work/state
started=()

# is_ours PID: a child, or what has this test's environment. The number of one that has ended may be anybody's by now.
is_ours() {
	local parent
	# there, a name has no line breaks, whatever it has
	parent=$(sed -n 's/^PPid:\t//p' "/proc/$1/status" 2>/dev/null)
	[ "$parent" = "$owner" ] ||
		grep -qzFx -e "HEAPTRAIL_STATE_DIR=$work/state" -e "HEAPTRAIL_STATE_DIR=$work/service" "/proc/$1/environ" 2>/dev/null
}

cleanup() {
	local pid
	# a subshell that fails cleans up nothing
	[ "$BASHPID" = "$owner" ] || return 0
	for pid in "${started[@]}"; do
		! is_ours "$pid" || kill -KILL "$pid" 2>/dev/null || true
	done
	[ ! -d "$work/disk" ] || umount "$work/disk" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
owner=$BASHPID
trap 'exit 143' TERM INT

claim() {
	echo "claim: $*"
}

fail() {
	echo "failed: $*" >&2
	[ ! -s "$work/record.err" ] || sed 's/^/  recorder: /' "$work/record.err" >&2
	exit 1
}

# wait_until SECONDS COMMAND...: until the command succeeds
wait_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

is_running() {
	local state
	state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) && [ "${state%% *}" != Z ]
}

is_gone() {
	! is_running "$1"
}

free_port() {
	$python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# --- targets: programs that wait for a go, and print the truth (tests/programs/truth.h) ---

# target_start NAME [ARG...]: with $preload before it; sets $target and $truth
target_start() {
	local name=$1
	shift
	truth=$work/truth
	rm -f "$work/go" "$truth" "$work/target.out"
	mkfifo "$work/go"
	LD_PRELOAD=${preload-} "$programs/$name" -g "$work/go" -o "$truth" "$@" >"$work/target.out" &
	target=$!
	started+=("$target")
	wait_until 10 grep -qs "^ready" "$work/target.out" || fail "$name never was ready"
}

# Once to let it begin, once more to let it exit.
target_go() {
	timeout 10 bash -c 'echo go >"$1"' - "$work/go" || fail "the target does not listen"
}

target_await() {
	wait_until "${1-60}" test -e "$truth" || fail "the target did not finish"
}

# --- the recorder ---

# Is this the second time, by services? What they have not is passed over where a test says so.
by_services() {
	[ -n "${HEAPTRAIL_AS_SERVICES-}" ]
}

# worker_pid NAME: of the recording that runs
worker_pid() {
	if by_services; then
		pgrep -n -P "${activators[$1]}"
	else
		pgrep -P "$recorder" -f "heaptrail-$1"
	fi
}

# record_start ARG...: returns once probes are live; sets $recorder
record_start() {
	local end=$((SECONDS + 60))
	rm -f "$work/ready"
	mkfifo "$work/ready"
	exec 8<>"$work/ready"
	"$heaptrail" record --ready-fd 9 "$@" 9>&8 8>&- >"$work/record.out" 2>"$work/record.err" &
	recorder=$!
	started+=("$recorder")
	# a read that takes the line may yet run out of time, and the line is gone: 0 only looks
	until read -t 0 -u 8; do
		is_running "$recorder" || fail "the recorder ended before its probes were live"
		[ $SECONDS -lt $end ] || fail "probes were not live within a minute"
		sleep 0.02
	done
	exec 8>&-
}

# record_finish [SIGNAL]: sets $record_status and $capture
record_finish() {
	# it may have ended by itself
	[ $# -eq 0 ] || kill "-$1" "$recorder" 2>/dev/null || true
	record_status=0
	wait "$recorder" || record_status=$?
	capture=$(tail -n 1 "$work/record.out")
}

record_succeeded() {
	[ "$record_status" = 0 ] || fail "the recorder's exit status is $record_status"
	[ -f "$capture" ] || fail "the last line on stdout is no capture: '$capture'"
}

# report CAPTURE: the report as JSON in $report
report() {
	report=$work/report.json
	"$heaptrail" report "$1" --json >"$report" 2>"$work/report.err" || {
		cat "$work/report.err" >&2
		fail "no report of $1"
	}
}

# query FILTER: what jq -r says of the report
query() {
	jq -r "$1" "$report"
}

# expect NAME FOUND WANTED
expect() {
	[ "$2" = "$3" ] || fail "$1: found '$2', not '$3'"
}

# truth_holds WHAT [OPTION...]: the report is the truth, exactly
truth_holds() {
	local what=$1
	shift
	"$root/tests/lib/compare" "$@" "$truth" "$report" || fail "$what: the report is not the truth"
}

# has_line ARG...: as grep -q, but reads all of its input: whoever writes it is not ended in the middle, which would count
has_line() {
	local text
	text=$(cat)
	grep -q "$@" <<<"$text"
}

# verify_status CAPTURE: prints the exit status
verify_status() {
	local status=0
	"$heaptrail" verify "$1" >"$work/verify.out" 2>&1 || status=$?
	echo $status
}

# One message, of few lines, that says who speaks; and no signal.
message_is_clear() {
	local file=$1 lines
	lines=$(wc -l <"$file")
	[ "$lines" -ge 1 ] && [ "$lines" -le 4 ] && grep -q '^heaptrail' "$file" || {
		cat "$file" >&2
		fail "that is not one clear message"
	}
}

[ -x "$heaptrail" ] || fail "$heaptrail is not built"

# --- once more, by services (run-system-tests --as-services) ---
services_environment=() # what a command has from as-services, for one that is compared with it
if by_services; then
	source "$root/tests/lib/units.sh"
	units_start
	printf '%s\n' "allow op=front uid=$(user_id heaptrail-record)" "allow op=any uid=0 target=any" >"$service/access.policy"
	export HEAPTRAIL_STATE_DIR=$service
	services_environment=("HEAPTRAIL_VAULT=$HEAPTRAIL_VAULT" "HEAPTRAIL_RECORD=$HEAPTRAIL_RECORD")
	# a test may empty the environment
	cat >"$work/heaptrail" <<-END
		#!/usr/bin/env -S --default-signal=INT bash
		export HEAPTRAIL_VAULT=$HEAPTRAIL_VAULT HEAPTRAIL_RECORD=$HEAPTRAIL_RECORD
		real=$heaptrail
		source "$root/tests/lib/as-services"
	END
	chmod 755 "$work/heaptrail"
	heaptrail=$work/heaptrail
fi
