# SPDX-License-Identifier: GPL-2.0-or-later
#
# Real programs with something to do that allocates, for tests and measurements that have sourced system/lib.sh.
#
# workload_command NAME ROUNDS: sets $command, an array. python3 and perl take as long as the rounds say.
# workload_server NAME: starts it, with a load that does not end; sets $pids and $server; workload_end ends both.

workload_commands=(python3 perl git clang cc1plus)
workload_servers=(redis-server postgres)

workload_python3() {
	cat >"$work/work.py" <<'END'
import json, re, sqlite3, sys
database = sqlite3.connect(":memory:")
database.execute("create table t(a, b)")
for i in range(20000):
    database.execute("insert into t values(?, ?)", (i, str(i) * 5))
for row in database.execute("select a, b from t order by b"):
    pass
data = [{str(i): [i] * 9} for i in range(10000)]
for _ in range(int(sys.argv[1])):
    text = json.dumps(data)
    json.loads(text)
    re.findall(r"(\d+)(,|\])", text)
    eval(compile("[" + ",".join(str(i) for i in range(2000)) + "]", "x", "eval"))
END
	command=("$python" "$work/work.py" "$1")
}

workload_perl() {
	cat >"$work/work.pl" <<'END'
use strict;
for (1 .. $ARGV[0]) {
	my %words;
	for my $i (1 .. 5000) {
		my $text = join ' ', map { "word" . ($i * $_ % 977) } 1 .. 9;
		$words{$1}++ while $text =~ /(\w+)/g;
		push @{ $words{list} }, [split / /, $text] if $i % 10 == 0;
	}
	my @sorted = sort { $a cmp $b } keys %words;
	eval join '+', 1 .. 200;
}
END
	command=(perl "$work/work.pl" "$1")
}

# three hundred commits to files of three hundred lines
workload_git() {
	local commit file lines
	git init -q "$work/repository"
	for commit in $(seq 300); do
		printf 'commit refs/heads/main\nmark :%d\ncommitter A <a@example.org> %d +0000\ndata 3\nnow\n' "$commit" \
			$((1000000000 + commit))
		[ "$commit" = 1 ] || printf 'from :%d\n' $((commit - 1))
		for file in 1 2 3; do
			lines=$(seq "$((commit * file))" "$((commit * file + 300))")
			printf 'M 644 inline folder%d/file%d\ndata %d\n%s\n' "$file" $((commit % 7)) ${#lines} "$lines"
		done
	done | git -C "$work/repository" fast-import --quiet
	command=(git -C "$work/repository" --no-pager log --stat -p main)
}

workload_source() {
	cat >"$work/work.cc" <<'END'
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <tuple>
#include <vector>
template <int N> struct nested { std::map<int, std::tuple<std::string, nested<N - 1>>> map; int sum() const {
	int all = N; for (auto &item : map) all += std::get<1>(item.second).sum(); return all; } };
template <> struct nested<0> { int sum() const { return 1; } };
int main(int argc, char **argv)
{
	std::vector<std::function<int(int)>> functions;
	nested<6> deep;
	for (int i = 0; i < argc; i++)
		functions.push_back([=](int x) { return x + i; });
	std::sort(argv, argv + argc, [](const char *a, const char *b) { return std::string(a) < b; });
	std::cout << std::regex_match(argv[0], std::regex("a+(b|c)*")) << functions[0](deep.sum()) << "\n";
}
END
}

workload_clang() {
	workload_source
	command=(clang++ -O2 -c "$work/work.cc" -o "$work/work.o")
}

workload_cc1plus() {
	workload_source
	g++ -E "$work/work.cc" -o "$work/work.ii"
	command=("$(g++ -print-prog-name=cc1plus)" -quiet -fpreprocessed -O2 "$work/work.ii" -o "$work/work.s")
}

workload_command() {
	command=()
	"workload_$1" "$2"
}

workload_redis-server() {
	local port
	port=$(free_port)
	redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work" >"$work/redis.log" 2>&1 &
	server=$!
	started+=("$server")
	wait_until 10 redis-cli -p "$port" ping >/dev/null 2>&1 || fail "redis does not answer"
	redis-benchmark -p "$port" -t set,lpush,hset,sadd,zadd,lrange_100 -r 20000 -n 1000000000 -q >/dev/null 2>&1 &
	load=$!
	pids=$server
}

as_postgres() {
	(cd / && exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@")
}

postgres_backends() {
	ps --ppid "$server" -o pid=,args= | awk '/\[local\]/ { print $1 }'
}

has_postgres_backends() {
	[ "$(postgres_backends | wc -l)" -ge 2 ]
}

# it refuses to run as root, and needs a directory that it may enter
workload_postgres() {
	local programs
	programs=$(echo /usr/lib/postgresql/*/bin)
	chmod 711 "$work"
	install -d -o postgres "$work/postgres"
	as_postgres "$programs/initdb" -D "$work/postgres/data" --no-sync >"$work/initdb.log" 2>&1 || fail "initdb"
	(cd / && exec setpriv --reuid=postgres --regid=postgres --clear-groups "$programs/postgres" \
		-D "$work/postgres/data" -k "$work/postgres" -c listen_addresses= -c fsync=off >"$work/postgres.log" 2>&1) &
	server=$!
	started+=("$server")
	export PGHOST=$work/postgres PGUSER=postgres PGDATABASE=postgres
	wait_until 20 "$programs/pg_isready" -q || fail "postgres does not answer: $(cat "$work/postgres.log")"
	as_postgres "$programs/pgbench" -i -q -s 1 >/dev/null 2>&1 || fail "pgbench -i"
	cat >"$work/postgres/work.sql" <<'END'
select sum(length(x.t)) from (select a.aid, string_agg(b.filler || a.aid, ',') as t from pgbench_accounts a
	join pgbench_accounts b on b.aid = a.aid % 100 + 1 where a.aid < 3000 group by a.aid order by t) x;
create temp table t as select * from pgbench_accounts where aid < 100;
create index on t(abalance);
drop table t;
END
	as_postgres "$programs/pgbench" -n -c 2 -T 300 -f "$work/postgres/work.sql" -b tpcb-like >/dev/null 2>&1 &
	load=$!
	wait_until 10 has_postgres_backends || fail "pgbench does not connect"
	pids=$(postgres_backends | paste -sd,)
}

workload_server() {
	"workload_$1"
	started+=("$load")
}

# SIGINT lets postgres end at once, and in order
workload_end() {
	kill "$load"
	kill -INT "$server"
	wait_until 10 is_gone "$server" || fail "the server does not end"
}
