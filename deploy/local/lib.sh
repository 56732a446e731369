# Shared by deploy/local/* and bench/run: packages, a PostgreSQL and a daemon of one's own, each
# recorded so that it can be stopped again. Sourced by bash with `set -euo pipefail`.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)"
PG_BIN=/usr/lib/postgresql/15/bin

if [ -t 1 ]; then BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' PLAIN=$'\e[0m'; else BOLD='' DIM='' RED='' PLAIN=''; fi

step() { printf '%s==>%s [%3ds] %s\n' "$BOLD" "$PLAIN" "$SECONDS" "$*"; }
say()  { printf '    %s\n' "$*"; }
fail() { printf '%serror:%s %s\n' "$RED" "$PLAIN" "$*" >&2; exit 1; }

# The user who owns the build and the daemon: whoever called sudo, else whoever runs this. Root's own
# files in somebody's clone would be in that person's way for ever after.
if [ "$(id -u)" = 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
    OWNER="$SUDO_USER"
else
    OWNER="$(id -un)"
fi
# PostgreSQL refuses to run as root.
if [ "$(id -u)" = 0 ]; then PG_USER=postgres; else PG_USER="$(id -un)"; fi

# exec_as USER COMMAND...: becomes the command, so that the pid of the shell that calls it is the command's.
exec_as() {
    local user="$1" home
    shift
    [ "$user" != "$(id -un)" ] || exec "$@"
    home="$(getent passwd "$user" | cut -d: -f6)"
    exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --reset-env \
        env "HOME=$home" "USER=$user" "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" "$@"
}
run_as() { (exec_as "$@"); }

# ---- packages ------------------------------------------------------------------------------------

package_names() { sed -e 's/#.*//' "$@" | tr -s ' \t\r\n' '\n' | sed '/^$/d'; }

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]; }

# install_packages FILE...: what these list files name and the machine lacks, from Debian.
install_packages() {
    local missing=() name as_root=() policy=/usr/sbin/policy-rc.d wrote_policy='' failed=''
    command -v apt-get >/dev/null || fail "apt-get is not here: this script is for Debian 12"
    while read -r name; do is_installed "$name" || missing+=("$name"); done < <(package_names "$@")
    if [ ${#missing[@]} = 0 ]; then
        say "all $(package_names "$@" | wc -l) packages are installed"
        return
    fi
    say "installing ${#missing[@]} packages from Debian: ${missing[*]}"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "installing packages needs root: run this as root, or install sudo"
        as_root=(sudo)
    fi
    # Debian starts a server as soon as its package is unpacked; we want the programs only. This is
    # Debian's own switch for that, and it goes again at once.
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
        wrote_policy=1
    fi
    { "${as_root[@]}" apt-get update -q &&
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
          "${missing[@]}"; } || failed=1
    [ -z "$wrote_policy" ] || "${as_root[@]}" rm -f "$policy"
    [ -z "$failed" ] || fail "apt-get could not install them (its message is above); are these Debian 12's sources?"
}

# ---- processes -----------------------------------------------------------------------------------

# A pid alone may since belong to somebody else: its start time goes with it.
started_at() { sed -e 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

record_pid() { printf '%s %s\n' "$2" "$(started_at "$2")" >"$1"; }  # FILE PID

# recorded_pid FILE: the pid, if that very process still runs.
recorded_pid() {
    local pid start
    [ -r "$1" ] && read -r pid start <"$1" || return 1
    [ -n "$start" ] && [ "$(started_at "$pid")" = "$start" ] || return 1
    [ "$(sed -e 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -c1)" != Z ] || return 1
    echo "$pid"
}

# stop_recorded FILE SECONDS: SIGTERM, then SIGKILL when it has not gone in time.
stop_recorded() {
    local pid tries=$(($2 * 10))
    if pid="$(recorded_pid "$1")"; then
        kill -TERM "$pid"
        while recorded_pid "$1" >/dev/null && [ $((tries--)) -gt 0 ]; do sleep 0.1; done
        if recorded_pid "$1" >/dev/null; then
            say "pid $pid did not stop within $2 s: killed"
            kill -KILL "$pid"
        fi
    fi
    rm -f "$1"
}

# free_port FROM [TAKEN...]: the first port from FROM on that nobody listens on.
free_port() {
    local port="$1" taken
    shift
    while :; do
        taken=" $* "
        if [[ "$taken" != *" $port "* ]] &&
            ! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
                awk -v hex="$(printf ':%04X' "$port")" '$4 == "0A" && substr($2, length($2) - 4) == hex { f = 1 } END { exit !f }'; then
            echo "$port"
            return
        fi
        port=$((port + 1))
        [ "$port" -lt 65536 ] || fail "no free port"
    done
}

random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# wait_http URL SECONDS PIDFILE: until it answers 200; at once an error when the process has gone.
wait_http() {
    local tries=$(($2 * 10))
    until curl -fsS -o /dev/null --max-time 2 "$1" 2>/dev/null; do
        recorded_pid "$3" >/dev/null || return 1
        [ $((tries--)) -gt 0 ] || return 1
        sleep 0.1
    done
}

# ---- PostgreSQL ----------------------------------------------------------------------------------

# pg_home WANTED: WANTED if the PostgreSQL user can live there, else a directory under /tmp. A clone in
# a home directory of mode 700 is closed to the user postgres, and a socket's path may have 107 bytes.
pg_home() {
    local dir="$1" probe
    mkdir -p "$dir"
    probe="$dir"
    chown "$PG_USER" "$dir" 2>/dev/null || true
    if [ ${#probe} -gt 80 ] || ! run_as "$PG_USER" test -w "$probe" -a -x "$probe"; then
        rmdir "$dir"
        dir="$(mktemp -d /tmp/lintas-postgres.XXXXXX)"
        chown "$PG_USER" "$dir"
    fi
    chmod 700 "$dir"
    echo "$dir"
}

# pg_init HOME PORT [SETTING...]
pg_init() {
    local home="$1" port="$2" setting
    shift 2
    run_as "$PG_USER" "$PG_BIN/initdb" -D "$home/data" -U postgres -E UTF8 --locale=C.UTF-8 \
        --auth-local=trust --auth-host=scram-sha-256 >"$home/initdb.log" 2>&1 ||
        { cat "$home/initdb.log" >&2; fail "initdb failed"; }
    {
        echo "listen_addresses = '127.0.0.1'"
        echo "port = $port"
        echo "unix_socket_directories = '$home'"  # 0700: so 'trust' there means its owner
        for setting in "$@"; do echo "$setting"; done
    } >>"$home/data/postgresql.conf"
}

pg_running() { [ -d "$1/data" ] && (cd / && run_as "$PG_USER" "$PG_BIN/pg_ctl" -D "$1/data" status >/dev/null 2>&1); }

# 9>&-: a server must not keep the caller's lock.
pg_start() {
    (cd / && run_as "$PG_USER" "$PG_BIN/pg_ctl" -D "$1/data" -l "$1/postgres.log" -w -t 60 start >/dev/null 2>&1 </dev/null 9>&-) ||
        { tail -n 20 "$1/postgres.log" >&2; fail "PostgreSQL did not start (its log is above)"; }
}

pg_stop() {
    if pg_running "$1"; then
        (cd / && run_as "$PG_USER" "$PG_BIN/pg_ctl" -D "$1/data" -m fast -w -t 30 stop >/dev/null 2>&1) ||
            (cd / && run_as "$PG_USER" "$PG_BIN/pg_ctl" -D "$1/data" -m immediate -w -t 30 stop >/dev/null)
    fi
}

# pg_replica HOME PORT NAME ITS_PORT [SETTING...]: a streaming replica in HOME/NAME of the server in HOME.
pg_replica() {
    local home="$1" port="$2" name="$3" its_port="$4" setting
    shift 4
    run_as "$PG_USER" mkdir -m 700 "$home/$name"
    (cd / && run_as "$PG_USER" "$PG_BIN/pg_basebackup" -h "$home" -p "$port" -U postgres -D "$home/$name/data" \
        -c fast -X stream -R) || fail "the base backup for the replica $name failed (its message is above)"
    {
        echo "port = $its_port"
        echo "unix_socket_directories = '$home/$name'"
        for setting in "$@"; do echo "$setting"; done
    } >>"$home/$name/data/postgresql.conf"
    pg_start "$home/$name"
}

# pg_keep_up HOME NAME PORT: starts it if it has stopped.
pg_keep_up() {
    if pg_running "$1"; then
        say "$2 is up on 127.0.0.1:$3"
    else
        pg_start "$1"
        say "$2 had stopped; is up again on 127.0.0.1:$3"
    fi
}

# pg_stop_with_replicas HOME: the replicas first, or the primary waits for them.
pg_stop_with_replicas() {
    local data
    for data in "$1"/*/data; do [ ! -d "$data" ] || pg_stop "${data%/data}"; done
    pg_stop "$1"
}

# pg_psql HOME PORT DATABASE [ARGUMENT...]: as superuser, over the socket; SQL on standard input.
pg_psql() {
    local home="$1" port="$2" database="$3"
    shift 3
    (cd / && run_as "$PG_USER" psql -X -q -v ON_ERROR_STOP=1 -h "$home" -p "$port" -U postgres -d "$database" "$@")
}

# ---- the daemon ----------------------------------------------------------------------------------

LINTAS_BINARY="${LINTAS_BINARY:-$ROOT/build/release-static/src/lintas}"

# build_daemon: a preset of CMakePresets.json; ninja prints its own progress.
build_daemon() {
    (cd "$ROOT" && run_as "$OWNER" cmake --preset release-static -Wno-dev >/dev/null &&
        run_as "$OWNER" cmake --build --preset release-static) || fail "the build failed (its message is above)"
    [ -x "$LINTAS_BINARY" ] || fail "the build made no $LINTAS_BINARY"
}

# start_daemon CONFIG PIDFILE LOGFILE [PREFIX...]: in a session of its own, so that closing the
# terminal leaves it alone. PREFIX is put before the command (taskset).
start_daemon() {
    local config="$1" pid_file="$2" log_file="$3"
    shift 3
    (cd / && exec_as "$OWNER" "$@" setsid "$LINTAS_BINARY" --role=primary --config "$config") \
        </dev/null >>"$log_file" 2>&1 9>&- &
    record_pid "$pid_file" $!
}
