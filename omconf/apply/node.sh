# The part of an apply that a node does: lock, look, stage, commit, run, remember. POSIX sh.
#
# It reads commands, one a line: fields between `|`, each written as a format of printf, so that any
# byte can stand in one. Lines that come together are read whole before anything of them is done, up to
# one that fails, and each is answered by one line, or by one for each file that it names: `ok` or
# `failed`, `|` and more. Nothing that it is given is printed; what a program prints goes to stderr. When
# the connection is lost, the commands in hand are completed.
#
# A shell reads its input byte by byte, and to start a program takes a thousand times as long as a test
# of the shell's own: so a long line is read by `head`, and one program looks at many files.
#
# Below $state it keeps, for its user alone: lock.N, of which the highest counts; pending/, what files
# held when what reads them last ran, and new/, what is on its way there; journal/, of each apply what
# it was, which files it changed, their backups, and how it ended; members, which nodes the cluster has.
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
me=$(id -u) group_of_me=$(id -g)
nl='
'
mine='' number='' lease='' serial=0 left=0 as_user='' walked='' switch='' known='' roots=$nl unsynced=''
laid=''

# How a program is run as somebody else.
choose() {
    switch=su
    if setpriv --reuid 0 --regid 0 --clear-groups true 2>/dev/null; then
        switch=setpriv
    elif command -v runuser >/dev/null; then
        switch=runuser
    fi
}

ok() { printf 'ok|%s\n' "${1-}"; }
failed() {
    printf 'failed|%s\n' "$1"
    refused=1
}

# The programs that it needs and the system does not have; $switch is needed where root acts as others.
missing() {
    for one in cat chmod chown cp cut df grep head id ln mkdir mv readlink rm rmdir sha256sum stat sync \
        timeout tr wc $switch; do
        command -v "$one" >/dev/null || printf ' %s' "$one"
    done
}

# Give a field its meaning in $value, line feeds at its end too.
decode() {
    value=$1
    case $1 in
    *[\\%]*)
        # shellcheck disable=SC2059
        value=$(printf ".$1.")
        value=${value#.}
        value=${value%.}
        ;;
    esac
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

# Name in $booted the boot that this is.
booted() { IFS= read -r booted </proc/sys/kernel/random/boot_id; }

# Name in $started when a process started, in ticks since the boot: its number may be given again, but
# not then.
started() {
    started=''
    [ -r "/proc/$1/stat" ] && IFS= read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    started=${20-}
}

# Whether the process that holds a lock is gone: another boot, or no such process. A lock with a lease is
# held by whoever starts one process after the other.
gone() {
    left=0
    IFS='|' read -r boot pid since _ <"$1" || return 0
    booted
    [ "$boot" = "$booted" ] || return 0
    until=0
    if [ -e "$1.lease" ]; then
        IFS='|' read -r until _ pid since <"$1.lease" || return 0
    fi
    ! runs || return 1
    case $until in '' | *[!0-9]*) return 0 ;; esac
    uptime
    left=$((until - uptime))
    [ "$left" -le 0 ]
}

# Whether the process $pid that started at $since runs.
runs() {
    case $pid in '' | *[!0-9]*) return 1 ;; esac
    started "$pid"
    [ "$since" = "$started" ]
}

# Name in $uptime the seconds since the boot.
uptime() {
    IFS=' .' read -r uptime _ </proc/uptime
}

# Write down that the lock is held for some seconds more, and by this process as long as it runs.
lend() {
    uptime
    started $$
    printf '%s|%s|%s|%s\n' "$((uptime + lease))" "$serial" "$$" "$started" >"$state/.lease.$$" &&
        mv "$state/.lease.$$" "$state/lock.$mine.lease"
}

# resume|NUMBER|LEASE|SERIAL: go on with the lock that an earlier process took, and that none has any more:
# one may still run whose connection was cut. A SERIAL that is not above the last one is of a command that
# somebody sent twice.
resume() {
    mine=$1 lease=$2
    number=$(printf '%06d' "$mine")
    if ! held || [ -e "$state/lock.$mine.free" ]; then
        mine='' lease=''
        failed 'broken'
        return 1
    fi
    IFS='|' read -r _ serial pid since <"$state/lock.$mine.lease" || serial=0 pid=''
    if runs; then
        mine='' lease=''
        failed 'busy'
        return 1
    fi
    if [ -n "$3" ] && [ "$3" -le "$serial" ]; then
        failed 'again'
        return 1
    fi
    serial=${3:-$serial}
    if lend; then
        ok
    else
        failed 'state'
        return 1
    fi
}

# Name in $highest the highest lock.
highest() {
    highest=0
    for lock in "$state"/lock.*; do
        one=${lock##*.}
        case $one in '' | *[!0-9]*) continue ;; esac
        [ "$one" -gt "$highest" ] && highest=$one
    done
}

# Whether nobody else could have written what is kept in $state, or replaced it; what he can only read is
# closed to him.
private() {
    access=''
    for folder in "${state%/*}" "$state"; do
        [ -d "$folder" ] || continue
        access=$(stat -L -c '%u|%a' -- "$folder")
        case $access in "$me|"*[2367]? | "$me|"*[2367]) return 1 ;; "$me|"*) ;; *) return 1 ;; esac
    done
    case $access in *00) ;; *) [ ! -d "$state" ] || chmod go-rwx -- "$state" ;; esac
}

# Name in $marks what each apply leaves in the journal and in pending/ as it begins, goes on and ends.
marks() {
    marks=''
    for one in "$journal"/*.open "$journal"/*.about "$journal"/*.end "$pending"/*.path; do
        [ ! -e "$one" ] || marks="$marks|${one##*/}"
    done
}

# lock|WHO|BREAK|LEASE: the number above all others is the lock, and the number of this apply. A lock is free
# when its holder said so or is gone, or when BREAK names it. The answer has the marks of earlier ones, too: a
# plan that was made while one of them ran may rest on what is over by now.
lock() {
    folder=$state
    above
    if inside && ! private; then
        failed 'shared'
        return
    fi
    if ! inside || { [ ! -d "$root/var/lib" ] && ! (umask 022 && mkdir -p "$root/var/lib"); } ||
        { [ ! -d "$state/new/" ] && ! mkdir -p "$journal" "$pending" "$state/new"; }; then
        failed 'state'
        return
    fi
    highest
    last=$highest
    holder=$state/lock.$last
    if [ "$last" != 0 ] && [ ! -e "$holder.free" ] && ! gone "$holder" && [ "$2" != "$last" ]; then
        failed "held|$last|$left|$(head -c 2000 "$holder" | head -n 1 | cut -d'|' -f4)"
        return
    fi
    mine=$((last + 1)) lease=$3
    booted
    started $$
    if ! printf '%s|%s|%s|%s\n' "$booted" "$$" "$started" "$1" >"$state/.lock.$$"; then
        rm -f "$state/.lock.$$"
        mine='' lease=''
        failed 'state'
        return
    fi
    if ! ln "$state/.lock.$$" "$state/lock.$mine" 2>/dev/null || ! held; then
        rm -f "$state/.lock.$$"
        mine='' lease=''
        failed 'held|0|0|'
        return
    fi
    set -- "$state"/.lock.* "$state"/.lease.*
    for lock in "$state"/lock.*; do
        one=${lock##*/lock.}
        [ "${one%.free}" = "$mine" ] || set -- "$@" "$lock"
    done
    rm -f "$@"
    if [ -n "$lease" ] && ! lend; then
        lease=''
        unlock
        failed 'state'
        return
    fi
    number=$(printf '%06d' "$mine")
    marks
    ok "$number$marks"
}

# Whether the lock is still held: somebody may have broken it.
held() {
    highest
    [ -n "$mine" ] && [ "$highest" = "$mine" ]
}

unlock() {
    [ -z "$mine" ] || : >"$state/lock.$mine.free"
    mine=''
}

# free: nothing follows.
free() {
    lease=''
    unlock
    ok
}

# Staged files, and drafts, that an apply left which did not come to its end.
sweep() {
    [ ! -e "$state/draft" ] || rm -rf "$state/draft"
    for copy in "$state/new"/*; do
        [ ! -e "$copy" ] || rm -f "$copy"
    done
    # Copies without a path: it was killed between the two.
    for copy in "$pending"/*.before; do
        [ ! -e "$copy" ] || [ -e "${copy%.before}.path" ] || rm -f "$copy"
    done
    for list in "$journal"/*.staged; do
        [ -e "$list" ] || continue
        while IFS='|' read -r raw name; do
            named "$raw" "$name"
            case $staged/ in */../*) continue ;; esac
            if [ "$me" != 0 ] || [ -e "$staged" ] || [ -L "$staged" ]; then
                place "$raw" "$name"
                above
                ! inside || drop
            fi
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
            case $roots in *"$nl$walked$nl"*) ;; *) set -- "$@" "$walked" ;; esac
        done
        [ $# != 0 ] || return 0
        found=$nl$(stat -c '%u:%g %n' -- "$@" 2>/dev/null)
        while [ -n "$found" ]; do
            found=${found#"$nl"}
            case $found in
            0:*"$nl"*)
                one=${found%%"$nl"*}
                roots=$roots${one#* }$nl found=$nl${found#*"$nl"}
                ;;
            0:* | '')
                [ -z "$found" ] || roots=$roots${found#* }$nl
                return 0
                ;;
            *)
                found=${found%%"$nl"*}
                as_user=${found%% *} walked=${found#* }
                return 0
                ;;
            esac
        done
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

# Run shell text with some arguments as that user; nothing of what omconf sends is within its reach.
as() { as_with "$@" </dev/null; }

as_with() {
    text=$1
    shift
    if [ -z "$as_user" ]; then
        (eval "$text")
        return
    fi
    case $switch in
    setpriv)
        setpriv --reuid "${as_user%:*}" --regid "${as_user#*:}" --clear-groups sh -c "$text" sh "$@"
        ;;
    runuser) runuser -u "$(stat -c %U -- "$walked")" -- sh -c "$text" sh "$@" ;;
    su) su -s /bin/sh "$(stat -c %U -- "$walked")" -c "$text" sh "$@" ;;
    esac
}

# Name in $path where a file lies, in $staged where it is staged, in $folder what both lie in.
named() {
    decode "$1"
    path=$root$value
    folder=${path%/*}
    decode "${2-}"
    staged=$folder/$value
}

# The same, and as whom it is handled.
place() {
    named "$@"
    if [ "$known" = "in $folder" ]; then
        as_user=$known_user walked=$known_walked
    else
        guard "$path"
        known="in $folder" known_user=$as_user known_walked=$walked
    fi
}

drop() {
    # shellcheck disable=SC2016
    case ${staged#"$folder"/} in
    */* | *[!a-z0-9.-]*) ;;
    .omconf-*) as 'rm -f -- "$1"' "$staged" >/dev/null ;;
    esac
}

# The files of a command are numbered: $rows are their numbers, and what is known of each stands in
# variables that end with one. Note some of these as they are, or name them again.
row() {
    for one in path staged folder as_user walked; do eval "$one=\$${one}_$1"; done
}

noted() {
    for one in path staged folder as_user walked; do eval "${one}_$n=\$$one"; done
}

# Run shell text over the files of $rows, with further variables of each as arguments: of many files at
# once, as whom they are handled. What it prints, a line a file, is $SAID of each.
over() {
    said_to=$1 script=$2 left=$rows
    shift 2
    while [ -n "$left" ]; do
        given=$* group='' others=''
        set --
        for n in $left; do
            eval "user=\$as_user_$n"
            # shellcheck disable=SC2154
            if [ -z "$group" ] || [ "$user" = "$of" ]; then
                group="$group $n" of=$user
                for one in $given; do eval "set -- \"\$@\" \"\$${one}_$n\""; done
            else
                others="$others $n"
            fi
        done
        # shellcheck disable=SC2086
        row ${group##* }
        said=$(as "$script" "$@")
        set -f
        IFS=$nl
        # shellcheck disable=SC2086
        set -- $said
        unset IFS
        set +f
        for n in $group; do
            eval "${said_to}_$n=\${1-}"
            [ $# = 0 ] || shift
        done
        left=$others
        # shellcheck disable=SC2086
        set -- $given
    done
}

# What stands at a path: a digest, that it is absent, or what else it is. A name with a backslash is
# written by one of `sha256sum`.
# shellcheck disable=SC2016
DIGEST='
kinds="" sums=""
for one; do
    shift
    if [ -L "$one" ]; then kinds="$kinds link"
    elif [ -d "$one" ]; then kinds="$kinds directory"
    elif [ ! -e "$one" ]; then kinds="$kinds absent"
    elif [ ! -f "$one" ]; then kinds="$kinds special"
    else
        kinds="$kinds file"
        set -- "$@" "$one"
    fi
done
[ $# = 0 ] || sums=$(sha256sum -- "$@" 2>/dev/null) ||
    sums=$(for one; do sha256sum <"$one" || echo unreadable; done)
IFS="
"
set -f
set -- $sums
IFS=" "
for kind in $kinds; do
    case $kind in
    file)
        sum=${1-unreadable}
        sum=${sum#\\}
        echo "${sum%% *}"
        [ $# = 0 ] || shift
        ;;
    *) echo "$kind" ;;
    esac
done'

# Mode and owner.
# shellcheck disable=SC2016
ACCESS='
all=$(stat -c "%a|%u|%g" -- "$@" 2>/dev/null) ||
    all=$(for one; do stat -c "%a|%u|%g" -- "$one" 2>/dev/null || echo -; done)
echo "$all"'

# Whether something can be changed: on a read-only file system, or where it is immutable, no mode can.
# shellcheck disable=SC2016
CHANGES='
all=""
! chmod u+u -- "$@" 2>/dev/null || all=1
for one; do
    if [ -w "$one" ] && { [ "$all" ] || [ ! -O "$one" ] || chmod u+u -- "$one" 2>/dev/null; }; then
        echo yes
    else
        echo no
    fi
done'

# Put files in their places, or remove them: of two arguments the first one is empty then.
# shellcheck disable=SC2016
MOVES='
while [ $# -gt 1 ]; do
    if [ -n "$1" ]; then mv -f -T -- "$1" "$2" >&2; else rm -f -- "$2" >&2; fi
    if [ $? = 0 ]; then echo yes; else echo no; fi
    shift 2
done'

# Name in $above the folder of $path, or the first one over it that is there; in $leads whether a link was
# passed: the plan found its folder in the tree, and here there is none.
above() {
    above=$folder leads=''
    while [ ! -d "${above:-/}" ]; do
        [ ! -L "$above" ] || leads=yes
        above=${above%/*}
    done
    above=${above:-/}
}

# Whether $above lies in the tree, wherever links lead.
inside() {
    real_above=$(cd -P "$above" && pwd -P) || return 1
    [ -n "$root" ] || return 0
    case $real_above/ in
    "$(cd -P "$root" && pwd -P)"/*) return 0 ;;
    esac
    return 1
}

# look|PATH|DIGEST|...: whether files are still as planned, and can be changed.
look() {
    rows='' n=0 seen=''
    while [ $# -ge 2 ]; do
        n=$((n + 1))
        place "$1"
        if [ "$seen" != "in $folder" ]; then
            above
            real=outside
            [ -n "$leads" ] || ! inside || real=${real_above%/}
            seen="in $folder"
        fi
        noted
        eval "want_$n=\$2 above_$n=\$above real_$n=\$real"
        rows="$rows $n"
        shift 2
    done
    all=$rows
    over now "$DIGEST" path
    over holds "$CHANGES" above
    rows=''
    for n in $all; do
        row "$n"
        eval "now=\$now_$n changes_$n=yes"
        [ "$now" = absent ] || [ -n "$as_user" ] || rows="$rows $n"
    done
    over changes "$CHANGES" path
    mounts=$nl$(cut -d' ' -f5 /proc/self/mountinfo)$nl
    for n in $all; do
        for one in path now want real holds changes; do eval "$one=\$${one}_$n"; done
        # shellcheck disable=SC2154
        if [ "$real" = outside ]; then
            failed 'outside'
        elif [ -z "$now" ] || [ "$now" = unreadable ]; then
            failed 'unreadable'
        elif [ "$now" != "$want" ]; then
            failed "stale|$now"
        elif [ "${mounts#*"$nl$real/${path##*/}$nl"}" != "$mounts" ]; then
            failed 'mountpoint'
        elif [ "$holds" != yes ]; then
            failed 'folder'
        elif [ "$changes" != yes ]; then
            failed 'file'
        else
            ok
        fi
    done
}

# room|KIB|PATH...: whether the file systems of some paths have so much room each.
room() {
    kib=$1
    shift
    for one; do
        shift
        named "$one"
        above
        set -- "$@" "$above"
    done
    enough=$(df -Pk -- "$@" | {
        read -r _
        while read -r _ _ _ there _; do
            case $there in '' | *[!0-9]*) there=0 ;; esac
            [ "$there" -lt "$kib" ] || echo yes
        done
    })
    # shellcheck disable=SC2086
    one=$(set -- $enough && echo $#)
    if [ "$one" = $# ]; then ok; else failed 'room'; fi
}

# program|NAME|...: whether any of them is there; account|USER|GROUP: whether both are.
program() {
    for one; do
        decode "$one"
        if command -v "$value" >/dev/null 2>&1; then
            ok
            return
        fi
    done
    failed 'program'
}

# systemd: whether it runs, without which systemctl does nothing.
systemd() {
    if [ -d /run/systemd/system ] || [ "$(systemctl is-system-running 2>/dev/null </dev/null)" != offline ]; then
        ok
    else
        failed 'systemd'
    fi
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
        prune 11
        ok
    else
        rm -f "$journal/$number.open" "$journal/$number.about"
        failed 'write'
    fi
}

# stage|LATER|PATH|NAME|MODE|OWNER|GROUP|CONTENT|...: write files beside their places, first for their
# writer alone. A file that is there keeps its mode and owner where MODE begins with `=`. Answers how many
# folders had to be made for each. With LATER a `commit` follows, which has them on the disk.
stage() {
    later=$1 answers='' wrong='' laid='' left=$((($# - 1) / 6))
    shift
    while [ "$left" -gt 0 ]; do
        left=$((left - 1)) made=0
        if [ -n "$wrong" ]; then
            answers="${answers}failed|before$nl"
        elif stage_one "$@"; then
            answers="${answers}ok|$made$nl"
            laid="$laid|$2=$made|"
        else
            refused=1 wrong=1 answers="${answers}failed|write$nl"
        fi
        # What is to be on the disk follows the end of what is to be read.
        if [ -n "$as_user" ]; then set -- "$@" "$journal"; else set -- "$@" "$staged"; fi
        shift 6
    done
    shift
    [ -n "$later" ] || durable "$@"
    printf %s "$answers"
}

stage_one() {
    place "$1" "$2"
    [ -d "$folder" ] || folders "$folder" || return 1
    [ -n "$known" ] || place "$1" "$2"
    printf '%s|%s\n' "$1" "$2" >>"$journal/$number.staged" || return 1
    mode=${3#=}
    user=$4 group=$5
    if [ "$mode" != "$3" ] && [ -e "$path" ]; then
        kept=$(as "$ACCESS" "$path")
        mode=${kept%%|*} group=${kept##*|}
        user=${kept#*|}
        user=${user%|*}
    fi
    decode "$user"
    user=$value
    decode "$group"
    group=$value
    written "$6" && return
    drop
    return 1
}

# Make a folder and those above it that are not there.
folders() {
    [ ! -d "$1" ] || return 0
    folders "${1%/*}" || return 1
    guard "$1"
    # shellcheck disable=SC2016
    as 'umask 022; mkdir -- "$1"' "$1" >/dev/null || return 1
    known='' roots=$nl made=$((made + 1))
}

# Write a staged file with its $mode and owner. Root touches it by its descriptor alone, for whoever can
# write in the folder could replace it by a link; in a folder of somebody else's it is written as him.
# shellcheck disable=SC2016,SC2059
written() {
    if [ -n "$as_user" ]; then
        printf "$1" | as_with 'umask 077; set -C; cat >"$1" && chmod -- "$2" "$1" &&
            { sync -- "$1" 2>/dev/null || sync; }' "$staged" "$mode" &&
            chown -h -- "$user:$group" "$staged"
    else
        (
            umask 077
            set -C
            exec 3>"$staged" || exit 1
            set +C
            printf "$1" >&3 || exit 1
            [ "$me" != 0 ] || owned /proc/self/fd/3 || chown -- "$user:$group" /proc/self/fd/3 || exit 1
            like /proc/self/fd/3 && chmod -- "$mode" /proc/self/fd/3
        )
    fi
}

# Whether a file of root's is to be root's.
owned() {
    # shellcheck disable=SC3066,SC3067
    case $user:$group in
    root:root | 0:0) [ "$group_of_me" = 0 ] && [ -O "$1" ] && [ -G "$1" ] ;;
    *) return 1 ;;
    esac
}

# SELinux's context and the ACL are those of the file that is replaced.
like() {
    [ -e "$path" ] || return 0
    [ ! -e /sys/fs/selinux/enforce ] || chcon --reference="$path" -- "$1" || return 1
    command -v setfacl >/dev/null || return 0
    getfacl -cps -- "$path" | grep -q . || return 0
    getfacl -cp -- "$path" | setfacl --set-file=- -- "$1"
}

# Keep what stands at the paths of $rows in the journal, if these have still the digests that they are
# said to have: `backup` and `access` of each. Of a file that is written twice the first one is kept.
keep() {
    set --
    well=yes
    for n in $rows; do
        row "$n"
        eval "key=\$key_$n want=\$want_$n access_$n=''"
        backup=$journal/$key.b$number
        eval "backup_$n=\$backup"
        if [ "$want" = absent ]; then
            [ ! -e "$path" ] && [ ! -L "$path" ] || well=no
        elif [ ! -e "$backup" ]; then
            set -- "$@" "$n"
            # shellcheck disable=SC2016
            as '[ -f "$1" ] && [ ! -L "$1" ] && cat -- "$1"' "$path" >"$backup" || well=no
        fi
        [ $well = yes ] || break
    done
    all=$rows rows=$*
    if [ $well = yes ] && copied && present; then
        rows=$all
        return 0
    fi
    for n in $rows; do eval "rm -f -- \"\$backup_$n\""; done
    rows=$all
    return 1
}

# Whether the copies of $rows are what was to be copied.
copied() {
    set --
    for n in $rows; do eval "set -- \"\$@\" \"\$backup_$n\""; done
    [ $# != 0 ] || return 0
    sums=$(sha256sum -- "$@") || return 1
    for n in $rows; do
        sum=${sums%%"$nl"*}
        sums=${sums#*"$nl"}
        sum=${sum#\\}
        eval "[ \"\${sum%% *}\" = \"\$want_$n\" ]" || return 1
    done
}

# Take note of mode and owner of all files of a command that are there.
present() {
    copies=$rows rows=''
    for n in $all; do
        eval "[ \"\$want_$n\" = absent ]" || rows="$rows $n"
    done
    over access "$ACCESS" path
    found=$rows rows=$copies
    for n in $found; do
        eval "case \$access_$n in *[!0-9|]*) return 1 ;; *'|'*'|'*) ;; *) return 1 ;; esac"
    done
}

# Say why no file of $rows is changed: some are not what they were, or else something is wrong.
refuse() {
    over now "$DIGEST" path
    wrong=$1
    for n in $rows; do
        row "$n"
        eval "name=\$name_$n"
        [ -z "$name" ] || drop
        eval "[ \"\$now_$n\" = \"\$want_$n\" ]" || wrong=before
    done
    for n in $rows; do
        eval "now=\$now_$n want=\$want_$n"
        if [ "$now" != "$want" ]; then failed "stale|$now"; else failed "$wrong"; fi
    done
}

# keep|PATH|KEY: keep what a file holds, before a person replaces it.
keep_one() {
    n=1 rows=1
    place "$1"
    noted
    # shellcheck disable=SC2034
    key_1=$2
    over want "$DIGEST" path
    # shellcheck disable=SC2154
    case $want_1 in
    absent) ok ;;
    *[!0-9a-f]* | '') failed 'backup' ;;
    *)
        # shellcheck disable=SC2154
        if keep && printf '%s|%s|%s|%s|0|%s\n' "$2" "$1" "$want_1" "$want_1" "$access_1" \
            >>"$journal/$number.files"; then
            durable "$backup_1" "$journal/$number.files" "$journal"
            ok "$access_1"
        else
            failed 'backup'
        fi
        ;;
    esac
}

# commit|PATH|NAME|KEY|DIGEST|AFTER|MADE|OWED|...: put staged files in their places, or without a NAME
# remove the files, if all are as they were. KEY is by what the journal knows a file. Without MADE, that is
# what `stage` has just answered. With OWED, the programs that read it have still to run. Either of all
# files nothing is changed, or of those that cannot be written.
commit() {
    rows='' n=0
    while [ $# -ge 7 ]; do
        n=$((n + 1))
        place "$1" "$2"
        noted
        eval "raw_$n=\$1 name_$n=\$2 key_$n=\$3 want_$n=\$4 after_$n=\$5 made_$n=\$6 owed_$n=\$7"
        eval "stages_$n=\${2:+\$staged}"
        if [ -z "$6" ]; then
            made=${laid##*"|$2="}
            eval "made_$n=\${made%%|*}"
        fi
        rows="$rows $n"
        shift 7
    done
    if ! keep || ! remember; then
        refuse 'backup'
        return
    fi
    over now "$DIGEST" path
    set --
    for n in $rows; do
        eval "[ \"\$now_$n\" = \"\$want_$n\" ]" || set -- stale
    done
    if [ $# != 0 ]; then
        refuse 'stale'
        return
    fi
    if ! held; then
        refuse 'broken'
        return
    fi
    over well "$MOVES" stages path
    for n in $rows; do
        row "$n"
        eval "name=\$name_$n well=\$well_$n"
        # shellcheck disable=SC2154
        if [ "$well" = yes ]; then set -- "$@" "$folder/"; elif [ -n "$name" ]; then drop; fi
    done
    [ $# = 0 ] || flush "$@"
    for n in $rows; do
        eval "well=\$well_$n access=\$access_$n"
        # shellcheck disable=SC2154
        if [ "$well" = yes ]; then ok "$access"; else failed 'write'; fi
    done
}

# Have in the journal, on the disk, what becomes of the files of $rows, and the files themselves there.
remember() {
    set -- "$journal/$number.files" "$journal" "$pending"
    for n in $rows; do
        for one in raw key want after made access backup owed stages; do eval "$one=\$${one}_$n"; done
        # shellcheck disable=SC2154
        printf '%s|%s|%s|%s|%s|%s\n' "$key" "$raw" "$want" "$after" "$made" "$access" \
            >>"$journal/$number.files" || return 1
        set -- "$@" "$backup"
        # Below a folder of somebody else's he has it on the disk: what lies there now may be a link of his.
        # shellcheck disable=SC2154
        eval "[ -z \"\$stages\" ] || [ -n \"\$as_user_$n\" ]" || set -- "$@" "$stages"
        if [ -n "$owed" ] && [ ! -e "$pending/$key.path" ]; then
            owe "$key" "$raw" || return 1
            set -- "$@" "$pending/$key.path" "$pending/$key.before"
        fi
    done
    owing || return 1
    if [ -n "$unsynced" ]; then
        set -- "$@" "$journal/$number.notes"
        unsynced=''
    fi
    durable "$@"
}

# Keep in the new ones of pending/ what a file held when what reads it last ran; an apply that goes on
# keeps that of the one before. `owing` has all that are new count.
owing=''
owe() {
    if [ -e "$backup" ]; then
        ln -f "$backup" "$pending/$1.before" 2>/dev/null || cp "$backup" "$pending/$1.before" || return 1
    elif [ -e "$pending/$1.before" ]; then
        rm -f "$pending/$1.before" # of one that was killed before it wrote the path
    fi
    printf '%s\n' "$2" >"$state/new/$1.path" || return 1
    owing="$owing $1"
}

owing() {
    [ -n "$owing" ] || return 0
    set --
    for key in $owing; do set -- "$@" "$state/new/$key.path"; done
    owing=''
    mv -f -- "$@" "$pending/"
}

# stopped|UNIT|KEY: a service is to be started again, whatever becomes of this apply.
stopped() {
    backup=''
    if [ -e "$pending/$2.path" ] || { owe "$2" "$1" && owing; }; then
        flush "$pending/$2.path" "$pending"
        ok
    else
        failed 'write'
    fi
}

# settle|KEY...: what reads these files has run.
settle() {
    for key; do
        shift
        set -- "$@" "$pending/$key.path" "$pending/$key.before"
    done
    rm -f -- "$@"
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
kills=''
limited() {
    if [ "$kills" = yes ]; then
        exec timeout -k 5 "$@"
    fi
    exec timeout -s KILL $(($1 + 5)) timeout "$@"
}

# run|SECONDS|.ARGUMENT...: run a program.
run() {
    if [ -z "$kills" ]; then
        kills=no
        ! timeout -k 1 5 true 2>/dev/null || kills=yes
    fi
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

# files|SCRIPT|END: run a script that sends files. The line END follows these, and what the script says, before
# the answer.
files() {
    decode "$1"
    exec 3>&1
    said=$(printf '%s\n' "$value" | sh -s 2>&1 >&3 3>&-)
    code=$?
    exec 3>&-
    printf '\n%s\n%s\n%s\n' "$2" "$said" "$2"
    ok "$code"
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

# note|TEXT|LATER: add a line on this apply; with LATER it is on the disk before anything else is done.
# end|HOW|OPEN: it has ended; with OPEN nothing remains to be done, here or of the ones before it (`all`), or
# here alone (`own`).
note() {
    unsynced=1
    if printf '%s\n' "$1" >>"$journal/$number.notes"; then
        [ -n "$2" ] || noted_on_disk
        ok
    else
        failed 'state'
    fi
}

noted_on_disk() {
    [ -z "$unsynced" ] || durable "$journal/$number.notes" "$journal"
    unsynced=''
}

end() {
    # shellcheck disable=SC2059
    if printf "$1" >"$journal/.end" && durable "$journal/.end" "$journal/$number.notes" &&
        mv "$journal/.end" "$journal/$number.end"; then
        case $2 in
        all) rm -f "$journal"/*.open ;;
        own) rm -f "$journal/$number.open" ;;
        esac
        sweep
        flush "$journal/$number.end" "$journal"
        prune 10
        ok
    else
        failed 'write'
    fi
}

# members|NODES: which nodes the cluster has. Where that cannot be written, the next apply tells it.
members() {
    # shellcheck disable=SC2059
    if ! { printf "$1" >"$state/.members" && durable "$state/.members" &&
        mv "$state/.members" "$state/members"; }; then
        rm -f "$state/.members"
    fi
    ok
}

# forget: nothing was done here, so that there is nothing to remember.
forget() {
    sweep
    rm -f "$journal/$number".about "$journal/$number".open "$journal/$number".notes
    ok
}

# Keep the last ones, this many. Older ones stay as long as what followed may have continued them, since an
# undo takes these back together: back to one that came to its end. No more than 30 are kept, as all are read
# each time; where that parts them, the first one that stays is marked as `cut`.
prune() {
    keep=$1
    set -- "$journal"/*.about
    surplus=$(($# - keep)) count=0 drop=0 cut='' old=''
    for one; do
        count=$((count + 1))
        [ "$count" -le "$surplus" ] || break
        ! ended "$one" || drop=$count
    done
    if [ $# -gt $((drop + 30)) ]; then
        drop=$(($# - 30)) cut=1
    fi
    while [ "$drop" -gt 0 ]; do
        old="$old ${1##*/}" drop=$((drop - 1))
        shift
    done
    if [ -n "$cut" ] && ! { echo cut >>"${1%.about}.notes" && durable "${1%.about}.notes" "$journal"; }; then
        return
    fi
    for one in $old; do
        one=${one%.about}
        rm -f "$journal/$one".* "$journal"/*.b"$one"
    done
}

# Whether nothing that follows continues an entry: an apply that was carried out whole, or an undo.
ended() {
    case $(head -c 64 "$1")$(head -c 20 "${1%.about}.end" 2>/dev/null) in
    *'"what":"apply"'*'{"outcome":"applied"' | *'"what":"undo"'*'{"outcome":"undone",') ;;
    *) return 1 ;;
    esac
}

# obey|COMMAND|FIELD...: do what a line says; false where a command, but not a question, fails.
obey() {
    line=$1 refused=''
    IFS='|'
    set -f
    # shellcheck disable=SC2086
    set -- $line
    set +f
    unset IFS
    line=''
    command=${1-}
    [ $# = 0 ] || shift
    known='' roots=$nl owing=''
    case $command in
    begin | stage | commit | keep | stopped | settle | run | tidy | note | end | forget | free)
        if ! held; then
            failed 'broken'
            return 1
        fi
        ;;
    esac
    case $command in
    run | keep | stopped) noted_on_disk ;;
    esac
    case $command in
    lock) lock "${1-}" "${2-}" "${3-}" ;;
    free) free ;;
    resume) resume "$1" "$2" "${3-}" ;;
    look) look "$@" ;;
    room) room "$@" ;;
    program) program "$@" ;;
    systemd) systemd ;;
    account) account "$1" "${2-}" ;;
    begin) begin "$1" "${2-}" ;;
    stage) stage "$@" ;;
    commit) commit "$@" ;;
    stopped) stopped "$1" "$2" ;;
    settle) settle "$@" ;;
    keep) keep_one "$1" "$2" ;;
    draft) draft "${1-}" "${2-}" ;;
    reads) reads "$1" "$2" "$3" "${4-}" ;;
    run) run "$@" ;;
    ask) ask "$@" ;;
    files) files "$1" "$2" ;;
    tidy) tidy "$@" ;;
    note) note "$1" "${2-}" ;;
    end) end "$1" "${2-}" ;;
    forget) forget ;;
    members) members "$1" ;;
    *) failed 'command' ;;
    esac
    case $command in
    look | room | program | systemd | account | reads) ;;
    *) [ -z "$refused" ] ;;
    esac
}

[ "$me" != 0 ] || choose
lacks=$(missing)
if [ -n "$lacks" ]; then
    failed "missing|$lacks"
    exit
fi
ok
# Who starts it anew for each command gives these as shell text: calls of `obey`.
[ -z "${3-}" ] || eval "$3"
while IFS= read -r line; do
    # A number says how long the next lines are, after which nothing comes until they are answered: `head`
    # may read as much as it likes.
    case $line in
    [0-9]*)
        size=$line
        line=$(head -c "$size")
        [ ${#line} = "$size" ] || break
        ;;
    esac
    IFS=$nl
    set -f
    # shellcheck disable=SC2086
    set -- $line
    set +f
    unset IFS
    for line; do obey "$line" || break; done
done
[ -z "$unsynced" ] || noted_on_disk
if [ -n "$lease" ]; then lend; else unlock; fi
