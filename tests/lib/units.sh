# SPDX-License-Identifier: GPL-2.0-or-later
#
# The services of policies/systemd on a machine where no systemd runs: their sockets listen below $work, and whoever
# connects gets the very program, with the user, groups, capabilities, limits and priority of its unit. What systemd adds by
# namespaces and system-call filters is not there: workers have their own (policies/workers).
#
# Needs tests/system/lib.sh. units_start sets $units (the sockets), $service (the state directory); $members is the gid of
# the group heaptrail.

members=61030
declare -A activators=() # by the name of the unit: whose children its processes are

declare -A unit_values=() # what unit_read has read
declare -A user_ids=([root]=0 [heaptrail]=$members)

# unit_read FILE: the last value of each key
unit_read() {
	local key value
	unit_values=()
	while IFS='=' read -r key value; do
		[[ $key != [A-Z]* ]] || unit_values[$key]=$value
	done <"$1"
}

# ids_read: a number for each user that sysusers.conf makes
ids_read() {
	local line=0 kind name rest
	while read -r kind name rest; do
		line=$((line + 1))
		[ "$kind" != u ] || user_ids[$name]=$((61030 + line))
	done <"$root/policies/systemd/sysusers.conf"
}
ids_read

# user_id NAME
user_id() {
	[ "${user_ids[$1]-}" ] || fail "sysusers.conf has no user $1"
	echo "${user_ids[$1]}"
}

# in_place TEXT: sets $placed, with paths of this test's
in_place() {
	placed=${1//\/usr\/local\/bin\/heaptrail/$heaptrail}
	placed=${placed//\/usr\/local\/libexec\/heaptrail/$build/workers}
	placed=${placed//\/var\/lib\/heaptrail/$service}
	placed=${placed//\/run\/heaptrail/$units}
}

# only SIGNED-LIST: sets $options, these capabilities as setpriv has them
only() {
	local name
	options=-all
	for name in $1; do
		name=${name#CAP_}
		options+=,+${name,,}
	done
}

# unit_command FILE: sets $command: how its program is started for a connection
unit_command() {
	local user groups cache limit options placed
	unit_read "$1"
	user=${user_ids[${unit_values[User]}]} groups=${unit_values[SupplementaryGroups]-} cache=${unit_values[CacheDirectory]-} limit=${unit_values[LimitNOFILE]-}
	command=(env -i "PATH=$PATH")
	[ -z "$cache" ] || command+=("CACHE_DIRECTORY=$work/cache/$cache")
	[ -z "$cache" ] || install -d -m 700 -o "$user" -g "$user" "$work/cache/$cache"
	command+=(nice -n "${unit_values[Nice]-0}" prlimit "--core=0" ${limit:+"--nofile=$limit"})
	command+=(setpriv --reuid "$user" --regid "$user" ${groups:+--groups "${user_ids[$groups]}"})
	[ -n "$groups" ] || command+=(--clear-groups)
	only "${unit_values[AmbientCapabilities]-}"
	command+=(--inh-caps "$options" --ambient-caps "$options")
	only "${unit_values[CapabilityBoundingSet]-}"
	command+=(--bounding-set "$options" --no-new-privs)
	in_place "${unit_values[ExecStart]}"
	command+=($placed)
}

units_start() {
	local file name placed type path mode user group rest
	local -A sockets=()
	units=$work/run service=$work/service
	chmod 711 "$work"
	mkdir -p "$units" "$work/cache"
	chmod 711 "$work/cache"
	while read -r type path mode user group rest; do
		[ "$type" = d ] && [[ $path == /var/lib/* ]] || continue
		in_place "$path"
		install -d -m "$mode" -o "${user_ids[$user]}" -g "${user_ids[$group]}" "$placed"
	done <"$root/policies/systemd/tmpfiles.conf"
	for file in "$root"/policies/systemd/*.socket; do
		name=${file##*/heaptrail-} name=${name%.socket}
		unit_read "$file"
		in_place "${unit_values[ListenSequentialPacket]}"
		sockets[$name]="$placed ${user_ids[${unit_values[SocketUser]-root}]}:${user_ids[${unit_values[SocketGroup]-root}]} ${unit_values[SocketMode]}"
		unit_command "$root/policies/systemd/heaptrail-$name@.service"
		# descriptor 3 is the connection: env and setpriv keep it
		systemd-socket-activate --seqpacket --accept --listen="${sockets[$name]%% *}" "${command[@]}" >>"$work/$name.log" 2>&1 8>&- &
		started+=($!)
		activators[$name]=$!
	done
	for name in "${!sockets[@]}"; do
		read -r path user mode <<<"${sockets[$name]}"
		wait_until 10 test -S "$path" || fail "$name does not listen: $(cat "$work/$name.log")"
		chown "$user" "$path"
		chmod "$mode" "$path"
	done
	export HEAPTRAIL_VAULT=$units/vault.sock HEAPTRAIL_RECORD=$units/record.sock
}

# units_log: what the services said, for a test that failed
units_log() {
	tail -n 3 "$work"/{record,tracer,resolver,symbolizer,writer,reader,vault}.log 2>/dev/null | grep -v -i 'Spawned\|Received\|Listening\|Communication\|exited\|died\|Execing' || true
}
