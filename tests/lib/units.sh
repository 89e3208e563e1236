# SPDX-License-Identifier: GPL-2.0-or-later
#
# The services of policies/systemd on a machine where no systemd runs: their sockets listen below $work, and whoever
# connects gets the very program, with the user, groups, capabilities and limits of its unit. What systemd adds by
# namespaces and system-call filters is not there: workers have their own (policies/workers).
#
# Needs tests/system/lib.sh. units_start sets $units (the sockets), $service (the state directory); $members is the gid of
# the group heaptrail.

members=61030
declare -A activators=() # by the name of the unit: whose children its processes are

# unit_value FILE KEY: its last value
unit_value() {
	sed -n "s/^$2=//p" "$1" | tail -n 1
}

# user_id NAME: a number for each user that sysusers.conf makes
user_id() {
	local line
	[ "$1" != root ] || { echo 0; return; }
	[ "$1" != heaptrail ] || { echo $members; return; }
	line=$(grep -n "^u $1 " "$root/policies/systemd/sysusers.conf") || fail "sysusers.conf has no user $1"
	echo $((61030 + ${line%%:*}))
}

# in_place TEXT: with paths of this test's
in_place() {
	sed -e "s,/usr/local/bin/heaptrail,$heaptrail,g; s,/usr/local/libexec/heaptrail,$build/workers,g" \
		-e "s,/var/lib/heaptrail,$service,g; s,/run/heaptrail,$units,g" <<<"$1"
}

# capabilities_as_options SIGNED-LIST: of setpriv
only() {
	local name list=-all
	for name in $1; do
		name=${name#CAP_}
		list+=,+${name,,}
	done
	echo "$list"
}

# unit_command FILE: how its program is started for a connection
unit_command() {
	local user groups limit cache
	user=$(user_id "$(unit_value "$1" User)")
	groups=$(unit_value "$1" SupplementaryGroups)
	cache=$(unit_value "$1" CacheDirectory)
	command=(env -i "PATH=$PATH")
	[ -z "$cache" ] || command+=("CACHE_DIRECTORY=$work/cache/$cache")
	[ -z "$cache" ] || install -d -m 700 -o "$user" -g "$user" "$work/cache/$cache"
	limit=$(unit_value "$1" LimitNOFILE)
	command+=(prlimit "--core=0" ${limit:+"--nofile=$limit"})
	command+=(setpriv --reuid "$user" --regid "$user" ${groups:+--groups "$(user_id "$groups")"})
	[ -n "$groups" ] || command+=(--clear-groups)
	command+=(--inh-caps "$(only "$(unit_value "$1" AmbientCapabilities)")"
		--ambient-caps "$(only "$(unit_value "$1" AmbientCapabilities)")"
		--bounding-set "$(only "$(unit_value "$1" CapabilityBoundingSet)")" --no-new-privs)
	command+=($(in_place "$(unit_value "$1" ExecStart)"))
}

units_start() {
	local unit name socket user group type path mode rest
	units=$work/run service=$work/service
	chmod 711 "$work"
	mkdir -p "$units" "$work/cache"
	chmod 711 "$work/cache"
	while read -r type path mode user group rest; do
		[ "$type" = d ] && [[ $path == /var/lib/* ]] || continue
		install -d -m "$mode" -o "$(user_id "$user")" -g "$(user_id "$group")" "$(in_place "$path")"
	done <"$root/policies/systemd/tmpfiles.conf"
	for unit in "$root"/policies/systemd/*.socket; do
		name=${unit##*/heaptrail-} name=${name%.socket}
		socket=$(in_place "$(unit_value "$unit" ListenSequentialPacket)")
		unit_command "$root/policies/systemd/heaptrail-$name@.service"
		# descriptor 3 is the connection: env and setpriv keep it
		systemd-socket-activate --seqpacket --accept --listen="$socket" "${command[@]}" >>"$work/$name.log" 2>&1 8>&- &
		started+=($!)
		activators[$name]=$!
		wait_until 10 test -S "$socket" || fail "$name does not listen: $(cat "$work/$name.log")"
		user=$(unit_value "$unit" SocketUser) group=$(unit_value "$unit" SocketGroup)
		chown "$(user_id "${user:-root}"):$(user_id "${group:-root}")" "$socket"
		chmod "$(unit_value "$unit" SocketMode)" "$socket"
	done
	export HEAPTRAIL_VAULT=$units/vault.sock HEAPTRAIL_RECORD=$units/record.sock
}

# units_log: what the services said, for a test that failed
units_log() {
	tail -n 3 "$work"/{record,tracer,resolver,symbolizer,writer,reader,vault}.log 2>/dev/null | grep -v -i 'Spawned\|Received\|Listening\|Communication\|exited\|died\|Execing' || true
}
