# The part of an apply that a node does: lock, look, stage, commit, run, remember. POSIX sh.
#
# It reads commands, one a line: fields between `|`, each written as a format of printf, so that any
# byte can stand in one. A line is read whole before anything of it is done, and answered by one line:
# `ok` or `failed`, `|` and more. Nothing that it is given is printed; what a program prints goes to
# stderr. When the connection is lost, the command in hand is completed.
#
# Below $state it keeps, for its user alone: lock.N, of which the highest counts; pending/, what files
# held when what reads them last ran; journal/, of each apply what it was, which files it changed, their
# backups, and how it ended.
set -u
LC_ALL=C
# A login by ssh may leave out where a system's own programs are.
PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
umask 077
trap '' HUP PIPE INT
cluster=$1 root=$2
state=$root/var/lib/omconf/$cluster
journal=$state/journal
pending=$state/pending
me=$(id -u)
mine='' number='' as_user='' walked='' switch=su
if [ "$me" = 0 ] && setpriv --reuid 0 --regid 0 --clear-groups true 2>/dev/null; then
    switch=setpriv
elif command -v runuser >/dev/null; then
    switch=runuser
fi

ok() { printf 'ok|%s\n' "${1-}"; }
failed() { printf 'failed|%s\n' "$1"; }

# The programs that it needs and the system does not have; $switch is needed where root acts as others.
missing() {
    [ "$me" = 0 ] || switch=''
    for one in cat chmod chown cp cut df grep head ln mkdir mv readlink rm rmdir sha256sum stat sync \
        tail timeout tr wc $switch; do
        command -v "$one" >/dev/null || printf ' %s' "$one"
    done
}

# Give a field its meaning in $value, line feeds at its end too.
decode() {
    # shellcheck disable=SC2059
    value=$(printf ".$1.")
    value=${value#.}
    value=${value%.}
}

flush() { sync -- "$@" 2>/dev/null || sync; }

# Have on the disk what is there of some files; at once, since each time takes a while.
durable() {
    for one; do
        shift
        [ ! -e "$one" ] || set -- "$@" "$one"
    done
    flush "$@"
}

boot_id() { cat /proc/sys/kernel/random/boot_id; }

# When a process started, in ticks since the boot: its number may be given again, but not then.
started() {
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    echo "${20-}"
}

# Whether the process that holds a lock is gone: another boot, or no such process.
gone() {
    IFS='|' read -r boot pid since _ <"$1" || return 0
    [ "$boot" = "$(boot_id)" ] || return 0
    case $pid in '' | *[!0-9]*) return 0 ;; esac
    [ "$since" != "$(started "$pid")" ]
}

highest() {
    found=0
    for lock in "$state"/lock.*; do
        one=${lock##*.}
        case $one in '' | *[!0-9]*) continue ;; esac
        [ "$one" -gt "$found" ] && found=$one
    done
    echo "$found"
}

# lock|WHO|BREAK: the number above all others is the lock, and the number of this apply. A lock is free
# when its holder said so or is gone, or when BREAK names it.
lock() {
    folder=$state
    above
    if ! inside || ! (umask 022 && mkdir -p "$root/var/lib") || ! mkdir -p "$journal" "$pending"; then
        failed 'state'
        return
    fi
    last=$(highest)
    holder=$state/lock.$last
    if [ "$last" != 0 ] && [ ! -e "$holder.free" ] && ! gone "$holder" && [ "$2" != "$last" ]; then
        failed "held|$last|$(head -c 2000 "$holder" | head -n 1 | cut -d'|' -f4)"
        return
    fi
    mine=$((last + 1))
    if ! printf '%s|%s|%s|%s\n' "$(boot_id)" "$$" "$(started $$)" "$1" >"$state/.lock.$$"; then
        rm -f "$state/.lock.$$"
        mine=''
        failed 'state'
        return
    fi
    if ! ln "$state/.lock.$$" "$state/lock.$mine" 2>/dev/null || [ "$(highest)" != "$mine" ]; then
        rm -f "$state/.lock.$$"
        mine=''
        failed 'held|0|'
        return
    fi
    rm -f "$state"/.lock.*
    for lock in "$state"/lock.*; do
        one=${lock##*/lock.}
        [ "${one%.free}" = "$mine" ] || rm -f "$lock"
    done
    number=$(printf '%06d' "$mine")
    ok "$number"
}

# Whether the lock is still held: somebody may have broken it.
held() { [ -n "$mine" ] && [ "$(highest)" = "$mine" ]; }

unlock() {
    [ -z "$mine" ] || : >"$state/lock.$mine.free"
    mine=''
}

# Staged files, and drafts, that an apply left which did not come to its end.
sweep() {
    rm -rf "$state/draft"
    # Copies without a path: it was killed between the two.
    for copy in "$pending"/*.before; do
        [ -e "${copy%.before}.path" ] || rm -f "$copy"
    done
    for list in "$journal"/*.staged; do
        [ -e "$list" ] || continue
        while IFS='|' read -r raw name; do
            case $raw/ in */../* | *\\*) continue ;; esac
            place "$raw" "$name"
            above
            ! inside || drop
        done <"$list"
        rm -f "$list"
    done
}

# As whom the files of a folder are handled: the owner of the first folder on the way that is not root's.
# Whatever he makes of the rest of the way, he gains nothing by it. Links are followed step by step.
guard() {
    as_user='' walked=$root rest=${1#"$root"} links=0
    [ "$me" = 0 ] || return 0
    # Without links on the way one look at all its folders is enough: nobody but root can put any into those
    # that come before the first one of another owner.
    if [ -z "$root" ] && [ "$(cd -P "${1%/*}/" 2>/dev/null && pwd -P)" = "${1%/*}" ]; then
        set --
        while rest=${rest#/}; do
            case $rest in
            */*) walked=$walked/${rest%%/*} rest=/${rest#*/} ;;
            *) break ;;
            esac
            set -- "$@" "$walked"
        done
        found=$(stat -c '%u:%g %n' -- "$@" 2>/dev/null | grep -v '^0:' | head -n 1)
        as_user=${found%% *}
        [ -z "$found" ] || walked=${found#* }
        return 0
    fi
    while rest=${rest#/}; do
        case $rest in
        */*) one=${rest%%/*} rest=/${rest#*/} ;;
        *) return 0 ;;
        esac
        case $one in
        '' | .) continue ;;
        ..) walked=${walked%/*} ;;
        *)
            if [ -L "$walked/$one" ] && [ $links -lt 40 ]; then
                links=$((links + 1))
                target=$(readlink -- "$walked/$one")
                case $target in /*) walked='' ;; esac
                rest=/$target$rest
                continue
            fi
            [ -d "$walked/$one" ] || return 0
            walked=$walked/$one
            ;;
        esac
        owner=$(stat -c '%u:%g' -- "${walked:-/}") || return 0
        if [ "${owner%:*}" != 0 ]; then
            as_user=$owner
            return 0
        fi
    done
}

# Run shell text with two arguments as that user; nothing of what omconf sends is within its reach.
as() { as_with "$@" </dev/null; }

as_with() {
    case $as_user$switch in
    su | setpriv | runuser) sh -c "$1" sh "${2-}" "${3-}" ;;
    *setpriv)
        setpriv --reuid "${as_user%:*}" --regid "${as_user#*:}" --clear-groups \
            sh -c "$1" sh "${2-}" "${3-}"
        ;;
    *runuser) runuser -u "$(stat -c %U -- "$walked")" -- sh -c "$1" sh "${2-}" "${3-}" ;;
    *su) su -s /bin/sh "$(stat -c %U -- "$walked")" -c "$1" sh "${2-}" "${3-}" ;;
    esac
}

# Name in $path where a file lies, in $staged where it is staged, in $folder what both lie in.
place() {
    decode "$1"
    path=$root$value
    folder=${path%/*}
    decode "${2-}"
    staged=$folder/$value
    guard "$path"
}

drop() {
    # shellcheck disable=SC2016
    case ${staged#"$folder"/} in
    */* | *[!a-z0-9.-]*) ;;
    .omconf-*) as 'rm -f -- "$1"' "$staged" >/dev/null ;;
    esac
}

# What stands at $path: a digest, that it is absent, or what else it is.
digest() {
    # shellcheck disable=SC2016
    as '
        if [ -L "$1" ]; then echo link
        elif [ -d "$1" ]; then echo directory
        elif [ ! -e "$1" ]; then echo absent
        elif [ ! -f "$1" ]; then echo special
        else sum=$(sha256sum <"$1") && echo "${sum%% *}"
        fi' "$path"
}

# Name in $above the folder of $path, or the first one over it that is there.
above() {
    above=$folder
    while [ ! -d "${above:-/}" ]; do above=${above%/*}; done
    above=${above:-/}
}

# Whether $above lies in the tree, wherever links lead.
inside() {
    real=$(cd -P "$above" && pwd -P) || return 1
    [ -n "$root" ] || return 0
    case $real/ in
    "$(cd -P "$root" && pwd -P)"/*) return 0 ;;
    esac
    return 1
}

# Whether something can be changed: on a read-only file system, or where it is immutable, no mode can.
changes() {
    # shellcheck disable=SC2016
    as '[ -w "$1" ] && { [ ! -O "$1" ] || chmod "$(stat -c %a -- "$1")" "$1"; }' "$1" >/dev/null 2>&1
}

# look|PATH|DIGEST: whether a file is still as planned, and can be changed.
look() {
    place "$1"
    above
    if ! inside; then
        failed 'outside'
        return
    fi
    now=$(digest)
    if [ -z "$now" ]; then
        failed 'unreadable'
    elif [ "$now" != "$2" ]; then
        failed "stale|$now"
    elif cut -d' ' -f5 /proc/self/mountinfo | grep -Fqx -- "${real%/}/${path##*/}"; then
        failed 'mountpoint'
    elif ! changes "$above"; then
        failed 'folder'
    elif [ "$now" != absent ] && [ -z "$as_user" ] && ! changes "$path"; then
        failed 'file'
    else
        ok
    fi
}

# room|KIB|PATH: whether the file system of a path has so much room.
room() {
    place "$2"
    above
    # shellcheck disable=SC2046
    set -- "$1" $(df -Pk -- "$above" | tail -n 1)
    if [ "${5-0}" -lt "$1" ]; then failed 'room'; else ok; fi
}

# program|NAME, account|USER|GROUP: whether they are there.
program() {
    decode "$1"
    if command -v "$value" >/dev/null 2>&1; then ok; else failed 'program'; fi
}

account() {
    decode "$1"
    user=$value
    decode "$2"
    : >"$state/.account"
    if chown -- "$user:$value" "$state/.account" 2>/dev/null; then ok; else failed 'account'; fi
    rm -f "$state/.account"
}

# reads|PATH|MODE|USER|GROUP: whether he as whom a file is handled could read it with that mode and owner.
reads() {
    place "$1"
    if [ -z "$as_user" ]; then
        ok
        return
    fi
    him=$(stat -c %U -- "$walked")
    groups=${as_user#*:}
    [ "$switch" = setpriv ] || groups=$(id -G -- "$him")
    decode "$3"
    user=$value
    decode "$4"
    : >"$state/.account"
    chown -- "$user:$value" "$state/.account" 2>/dev/null
    owner=$(stat -c '%u:%g' -- "$state/.account")
    rm -f "$state/.account"
    bit=04
    case " $groups " in *" ${owner#*:} "*) bit=040 ;; esac
    [ "${as_user%:*}" != "${owner%:*}" ] || bit=0400
    if [ $((0$2 & bit)) != 0 ]; then
        ok
    else
        walked=${walked#"$root"}
        case $walked in *[!A-Za-z0-9/._-]*) walked='' ;; esac
        failed "reads|$him|$walked"
    fi
}

# begin|ABOUT|MANIFEST: from here on the journal knows of this apply, and what it may have written. What an
# interrupted one left is swept here, not under the lock alone: a dry run changes nothing.
begin() {
    sweep
    # shellcheck disable=SC2059
    if printf "$2" >"$journal/$number.open" && printf "$1" >"$journal/.about" &&
        mv "$journal/.about" "$journal/$number.about"; then
        flush "$journal/$number.open" "$journal/$number.about" "$journal"
        ok
    else
        rm -f "$journal/$number.open" "$journal/$number.about"
        failed 'write'
    fi
}

# stage|PATH|NAME|MODE|OWNER|GROUP|CONTENT: write a file beside its place, first for its writer alone.
# A file that is there keeps its mode and owner where MODE begins with `=`. Answers how many folders had
# to be made.
stage() {
    place "$1" "$2"
    made=0
    if ! folders "$folder"; then
        failed 'write'
        return
    fi
    guard "$path"
    printf '%s|%s\n' "$1" "$2" >>"$journal/$number.staged"
    mode=${3#=}
    user=$4 group=$5
    if [ "$mode" != "$3" ] && [ -e "$path" ]; then
        # shellcheck disable=SC2016
        kept=$(as 'stat -c "%a|%u|%g" -- "$1"' "$path")
        mode=${kept%%|*} group=${kept##*|}
        user=${kept#*|}
        user=${user%|*}
    fi
    decode "$user"
    user=$value
    decode "$group"
    group=$value
    if written "$6"; then
        flush "$staged"
        ok "$made"
    else
        drop
        failed 'write'
    fi
}

# Make a folder and those above it that are not there.
folders() {
    [ ! -d "$1" ] || return 0
    folders "${1%/*}" || return 1
    guard "$1"
    # shellcheck disable=SC2016
    as 'umask 022; mkdir -- "$1"' "$1" >/dev/null || return 1
    made=$((made + 1))
}

# Write a staged file with its $mode and owner. Root touches it by its descriptor alone, for whoever can
# write in the folder could put a link in its place; in a folder of somebody else's it is written as him.
# shellcheck disable=SC2016,SC2059
written() {
    if [ -n "$as_user" ]; then
        printf "$1" | as_with 'umask 077; set -C; cat >"$1" && chmod -- "$2" "$1"' "$staged" "$mode" &&
            chown -h -- "$user:$group" "$staged"
    else
        (
            umask 077
            set -C
            exec 3>"$staged" || exit 1
            set +C
            printf "$1" >&3 || exit 1
            [ "$me" != 0 ] || chown -- "$user:$group" /proc/self/fd/3 || exit 1
            like /proc/self/fd/3 && chmod -- "$mode" /proc/self/fd/3
        )
    fi
}

# SELinux's context and the ACL are those of the file that is replaced.
like() {
    [ -e "$path" ] || return 0
    [ ! -e /sys/fs/selinux/enforce ] || chcon --reference="$path" -- "$1" || return 1
    command -v setfacl >/dev/null || return 0
    getfacl -cps -- "$path" | grep -q . || return 0
    getfacl -cp -- "$path" | setfacl --set-file=- -- "$1"
}

# Keep what stands at $path in the journal, with the digest $1: `backup`, `access`.
keep() {
    access=''
    sum=$(printf '%s' "$2" | sha256sum)
    key=${sum%% *}
    backup=$journal/$key.b$number
    [ "$1" != absent ] || return 0
    # shellcheck disable=SC2016
    access=$(as 'stat -c "%a|%u|%g" -- "$1"' "$path") && as 'cat -- "$1"' "$path" >"$backup.new"
    sum=$(sha256sum <"$backup.new")
    if [ "${sum%% *}" != "$1" ]; then
        rm -f "$backup.new"
        return 1
    fi
    # Of a file that is written twice the first one is kept.
    if [ -e "$backup" ]; then rm -f "$backup.new"; else mv "$backup.new" "$backup"; fi
}

# keep|PATH: keep what a file holds, before a person replaces it.
keep_one() {
    place "$1"
    now=$(digest)
    case $now in
    absent) ok ;;
    *[!0-9a-f]* | '') failed 'backup' ;;
    *)
        if keep "$now" "$1" &&
            printf '%s|%s|%s|%s|0|%s\n' "$key" "$1" "$now" "$now" "$access" >>"$journal/$number.files"; then
            durable "$backup" "$journal/$number.files" "$journal"
            ok "$access"
        else
            failed 'backup'
        fi
        ;;
    esac
}

# commit|PATH|NAME|DIGEST|AFTER|MADE|OWED: put a staged file in its place, or without a NAME remove the
# file, if it is as it was. With OWED, the programs that read it have still to run.
commit() {
    place "$1" "$2"
    now=$(digest)
    if [ "$now" != "$3" ]; then
        drop
        failed "stale|$now"
        return
    fi
    if ! keep "$now" "$1"; then
        drop
        failed 'backup'
        return
    fi
    if ! printf '%s|%s|%s|%s|%s|%s\n' "$key" "$1" "$3" "$4" "$5" "$access" >>"$journal/$number.files"; then
        failed 'backup'
        return
    fi
    if [ -n "$6" ] && ! owe "$key" "$1"; then
        drop
        failed 'backup'
        return
    fi
    durable "$backup" "$journal/$number.files" "$journal" \
        "$pending/$key.before" "$pending/$key.path" "$pending"
    # shellcheck disable=SC2016
    if [ -n "$2" ] && ! as 'mv -f -T -- "$1" "$2"' "$staged" "$path" >/dev/null; then
        drop
        failed 'write'
    elif [ -z "$2" ] && ! as 'rm -f -- "$1"' "$path" >/dev/null; then
        failed 'write'
    else
        flush "$folder"
        ok "$access"
    fi
}

# Keep what a file held when what reads it last ran; an apply that goes on keeps that of the one before.
owe() {
    [ ! -e "$pending/$1.path" ] || return 0
    rm -f "$pending/$1.before" # of one that was killed before it wrote the path
    if [ -n "$backup" ] && [ -e "$backup" ]; then
        cp "$backup" "$pending/$1.before" || return 1
    fi
    printf '%s\n' "$2" >"$pending/.path" && mv "$pending/.path" "$pending/$1.path"
}

# stopped|UNIT: a service is to be started again, whatever becomes of this apply.
stopped() {
    sum=$(printf '%s' "$1" | sha256sum)
    backup=''
    if owe "${sum%% *}" "$1"; then
        flush "$pending/${sum%% *}.path" "$pending"
        ok
    else
        failed 'write'
    fi
}

# settle|PATH...: what reads these files has run.
settle() {
    for raw; do
        sum=$(printf '%s' "$raw" | sha256sum)
        rm -f "$pending/${sum%% *}.path" "$pending/${sum%% *}.before"
    done
    ok
}

# draft|NAME|CONTENT: lay down what a file is to be, for the program that reads it to look at; root alone
# can. Without a NAME all of these are thrown away.
draft() {
    decode "$1"
    if [ -z "$value" ]; then
        rm -rf "$state/draft"
        ok
        return
    fi
    path=$state/draft/$value
    # shellcheck disable=SC2059
    if mkdir -p "${path%/*}" && printf "$2" >"$path"; then ok; else failed 'write'; fi
}

# How a program is ended that takes too long: one that ignores TERM is killed five seconds later. BusyBox
# before 1.35 knows no -k, but its `timeout` becomes the program itself, so that two of them can watch it.
if timeout -k 1 5 true 2>/dev/null; then
    limited() { exec timeout -k 5 "$@"; }
else
    limited() { exec timeout -s KILL $(($1 + 5)) timeout "$@"; }
fi

# run|SECONDS|.ARGUMENT...: run a program.
run() {
    seconds=$1
    shift
    count=$#
    for one; do
        decode "${one#.}"
        set -- "$@" "$value"
    done
    shift "$count"
    (
        trap - HUP PIPE INT
        umask 022
        limited "$seconds" "$@" </dev/null >&2
    )
    code=$?
    if [ "$code" = 0 ]; then ok; else failed "exit|$code"; fi
}

# ask|SECONDS|INPUT|.ARGUMENT...: run a program on some input, and give what it prints: after the answer, with
# its exit code and their number, the lines.
ask() {
    seconds=$1
    input=$2
    shift 2
    count=$#
    for one; do
        decode "${one#.}"
        set -- "$@" "$value"
    done
    shift "$count"
    # shellcheck disable=SC2059
    printf "$input" | (
        trap - HUP PIPE INT
        exec timeout "$seconds" "$@"
    ) >"$state/.said" 2>/dev/null
    code=$?
    head -c 1048576 "$state/.said" | tr '\000' '?' >"$state/.lines"
    lines=$(($(wc -l <"$state/.lines")))
    ok "$code|$lines"
    head -n "$lines" "$state/.lines"
    rm -f "$state/.said" "$state/.lines"
}

# tidy|PATH...: remove folders that an apply made, where nothing is in them any more.
tidy() {
    for one; do
        decode "$one"
        guard "$root$value"
        # shellcheck disable=SC2016
        as 'rmdir -- "$1"' "$root$value" 2>/dev/null
    done
    ok
}

# note|TEXT: add a line on this apply. end|HOW|OPEN: it has ended; with OPEN nothing remains to be done, here
# or of the ones before it (`all`), or here alone (`own`).
note() {
    if printf '%s\n' "$1" >>"$journal/$number.notes"; then
        flush "$journal/$number.notes" "$journal"
        ok
    else
        failed 'write'
    fi
}

end() {
    # shellcheck disable=SC2059
    if printf "$1" >"$journal/.end" && flush "$journal/.end" &&
        mv "$journal/.end" "$journal/$number.end"; then
        case $2 in
        all) rm -f "$journal"/*.open ;;
        own) rm -f "$journal/$number.open" ;;
        esac
        sweep
        flush "$journal/$number.end" "$journal"
        prune
        ok
    else
        failed 'write'
    fi
}

# forget: nothing was done here, so that there is nothing to remember.
forget() {
    sweep
    rm -f "$journal/$number".about "$journal/$number".open "$journal/$number".notes
    ok
}

# Keep the last ten.
prune() {
    set -- "$journal"/*.about
    while [ $# -gt 10 ]; do
        one=${1##*/}
        one=${one%.about}
        rm -f "$journal/$one".* "$journal"/*.b"$one"
        shift
    done
}

lacks=$(missing)
if [ -n "$lacks" ]; then
    failed "missing|$lacks"
    exit
fi
ok
while IFS= read -r line; do
    IFS='|'
    set -f
    # shellcheck disable=SC2086
    set -- $line
    set +f
    unset IFS
    command=${1-}
    [ $# = 0 ] || shift
    case $command in
    begin | stage | commit | keep | stopped | settle | run | tidy | note | end | forget)
        if ! held; then
            failed 'broken'
            continue
        fi
        ;;
    esac
    case $command in
    lock) lock "${1-}" "${2-}" ;;
    look) look "$1" "${2-}" ;;
    room) room "$1" "${2-}" ;;
    program) program "$1" ;;
    account) account "$1" "${2-}" ;;
    begin) begin "$1" "${2-}" ;;
    stage) stage "$1" "${2-}" "${3-}" "${4-}" "${5-}" "${6-}" ;;
    commit) commit "$1" "${2-}" "${3-}" "${4-}" "${5-}" "${6-}" ;;
    stopped) stopped "$1" ;;
    settle) settle "$@" ;;
    keep) keep_one "$1" ;;
    draft) draft "${1-}" "${2-}" ;;
    reads) reads "$1" "$2" "$3" "${4-}" ;;
    run) run "$@" ;;
    ask) ask "$@" ;;
    tidy) tidy "$@" ;;
    note) note "$1" ;;
    end) end "$1" "${2-}" ;;
    forget) forget ;;
    *) failed 'command' ;;
    esac
done
unlock
