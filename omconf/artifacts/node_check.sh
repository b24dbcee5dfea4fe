# Checks this node of an OpenMeetings cluster. Each finding is one line: STATUS, CHECK and TEXT with
# a tab between them. STATUS is `ok`, `fail`, `warn` (it works, but may fail one day) or
# `unknown` (a check that could not be made).
# Exit 0 when nothing failed, 1 when something did, 64 for a wrong command line.
#
#   omconf-node-check                  all checks
#   omconf-node-check --facts          and lines `fact NAME VALUE`, for `omconf verify`
#   omconf-node-check --leave TOKEN    and the check's own file stays in the data folder
#   omconf-node-check --collect TOKEN  no checks: whose file is seen there; the own one goes
#   --nodes FILE                       all nodes, a NAME and an ADDRESS a line; `-`: on stdin; behind
#                                      NAT that has a port for each node, ADDRESS:PORT
#   --cluster NAME                     the cluster, where /etc/omconf has more than one
#   --root DIR                         all files of this node are below DIR
#
# What it needs to know of this node stands in /etc/omconf/CLUSTER/check.conf: data, never run. Of
# the others it knows what --nodes says, so that a new node changes no file on them.
set -u
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH

usage() {
    echo "usage: omconf-node-check [--nodes FILE] [--cluster NAME] [--root DIR]" \
        "[--facts | --leave TOKEN | --collect TOKEN]" >&2
    exit 64
}

has() { command -v "$1" >/dev/null 2>&1; }

# Other programs' words and paths may hold anything: a line stays a line.
say() {
    printf '%s\t%s\t%s\n' "$1" "$2" "$(printf '%s' "$3" | tr '\001-\037\177' ' ' | cut -c 1-1000)"
}

fact() {
    if [ "$facts" = yes ]; then
        printf 'fact\t%s\t%s\n' "$1" "$(printf '%s' "$2" | tr '\001-\037\177' ' ' | cut -c 1-500)"
    fi
}

# Run a program for some seconds at most; a file system that hangs holds nothing up.
within() {
    seconds=$1
    shift
    if has timeout; then
        timeout -s KILL "$seconds" "$@"
    else
        "$@"
    fi
}

# The first ten words of a list, and how many there are besides.
some() {
    printf '%s\n' "$1" | awk '
        NF { count++; if (count <= 10) shown = shown (count > 1 ? ", " : "") $0 }
        END { if (count > 10) shown = shown " and " count - 10 " more"; print shown }'
}

# The nodes of the list, as "NAME ADDRESS[:PORT]": this one ($1 yes), or all others ($1 no).
named_in_list() {
    printf '%s\n' "$list" | awk -v node="$node" -v wanted="$1" '
        NF == 2 && ($1 == node) == (wanted == "yes") { print $1 " " $2 }'
}

# A check that needs the list of all nodes, without it.
unlisted() { say unknown "$1" "which nodes there are was not said: omconf verify says it"; }

read_configuration() {
    cluster_folder=$root/etc/omconf/$cluster
    configuration=$cluster_folder/check.conf
    if [ ! -r "$configuration" ]; then
        say fail node-check "$configuration cannot be read: lay this node's bundle first"
        return 1
    fi
    case $nodes in
    '') list='' ;;
    -) list=$(cat) ;;
    *) list=$(cat "$nodes" 2>&1) || {
        say fail node-check "$nodes cannot be read"
        return 1
    } ;;
    esac
    node='' address='' url='' home='' data_dir='' mount='' user='' group='' database=''
    hazelcast_port='' commit_port='' route='' multicast_group='' multicast_ttl='' timezone=''
    while IFS= read -r entry; do
        value=${entry#*=}
        case ${entry%%=*} in
        node) node=$value ;;
        address) address=$value ;;
        url) url=$value ;;
        home) home=$value ;;
        data_dir) data_dir=$value ;;
        mount) mount=$value ;;
        user) user=$value ;;
        group) group=$value ;;
        database) database=$value ;;
        hazelcast_port) hazelcast_port=$value ;;
        commit_port) commit_port=$value ;;
        route) route=$value ;;
        multicast_group) multicast_group=$value ;;
        multicast_ttl) multicast_ttl=$value ;;
        timezone) timezone=$value ;;
        *) ;;
        esac
    done <"$configuration"
    folder=$root$data_dir
    others=$(named_in_list no)
    # Behind NAT the others see this node at another address than its own.
    seen_as=$(named_in_list yes)
    seen_as=${seen_as##* }
    seen_as=${seen_as:-$address}
    fact cluster "$cluster"
    fact node "$node"
}

# ---- the files of the bundle ----

sha256() {
    if has sha256sum; then
        sha256sum | cut -d ' ' -f 1
    else
        openssl dgst -sha256 -r | cut -d ' ' -f 1
    fi
}

# The manifest's entries, one a line: ownership, mode, owner, group, sha256, sensitive, path. JSON's
# \u escapes in a path become octal ones, for printf.
entries() {
    awk '
        function value(name) {
            if (!match(rest, "\"" name "\": \"?[a-z0-9_$-]+"))
                return "?"
            found = substr(rest, RSTART, RLENGTH)
            sub(/^"[a-z0-9]*": "?/, "", found)
            return found
        }
        function number(hex,    i, sum) {
            for (i = 1; i <= 4; i++)
                sum = sum * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
            return sum
        }
        function octal(byte) { return sprintf("\\0%03o", byte) }
        function utf8(code) {
            if (code < 128)
                return octal(code)
            if (code < 2048)
                return octal(192 + int(code / 64)) octal(128 + code % 64)
            if (code < 65536)
                return octal(224 + int(code / 4096)) octal(128 + int(code / 64) % 64) \
                    octal(128 + code % 64)
            return octal(240 + int(code / 262144)) octal(128 + int(code / 4096) % 64) \
                octal(128 + int(code / 64) % 64) octal(128 + code % 64)
        }
        index($0, "  {\"path\": \"") == 1 {
            path = ""
            high = 0
            for (at = 13; at <= length($0); at++) {
                char = substr($0, at, 1)
                if (char == "\"")
                    break
                if (char == "\\") {
                    char = substr($0, ++at, 1)
                    if (char == "u") {
                        code = number(substr($0, at + 1, 4))
                        at += 4
                        if (code >= 55296 && code < 56320) {
                            high = code
                            continue
                        }
                        if (high)
                            code = 65536 + (high - 55296) * 1024 + code - 56320
                        high = 0
                        char = utf8(code)
                    } else if (char == "\\")
                        char = "\\\\"
                }
                path = path char
            }
            rest = substr($0, at)
            print value("ownership") "\t" value("mode") "\t" value("owner") "\t" value("group") \
                "\t" value("sha256") "\t" value("sensitive") "\t" path
        }' "$1"
}

# The cluster's block in a file of others, markers and all; fails when there is not exactly one.
block() {
    awk -v begin="# BEGIN omconf: $cluster" -v end="# END omconf: $cluster" '
        { sub(/\r$/, ""); bare = $0; sub(/[ \t]+$/, "", bare) }
        bare == begin { begins++; inside = 1; $0 = bare }
        bare == end { $0 = bare }
        inside { print }
        bare == end && inside { ends++; inside = 0 }
        END { exit begins != 1 || ends != 1 }' "$1"
}

# What is wrong with one file of the manifest; nothing when all is well.
fault() {
    if [ -L "$file" ] && [ "$ownership" = file ]; then
        echo "there is a link where a file is expected"
        return
    elif [ ! -f "$file" ]; then
        echo "it is not there"
        return
    elif [ ! -r "$file" ]; then
        echo "unknown: this user may not read it"
        return
    fi
    case $ownership in
    file)
        if [ "$sensitive" = true ]; then
            if grep -q '@omconf:' "$file"; then
                echo "a placeholder is left: its secret was never filled in"
            fi
        elif [ "$(sha256 <"$file")" != "$sha256" ]; then
            echo "its content is not the bundle's"
        fi
        is=$(stat -c '%a %U:%G' "$file")
        wanted="${bits#0} $owner:$owner_group"
        [ "$is" = "$wanted" ] || echo "it is $is, not $wanted"
        ;;
    block)
        if ! block "$file" >/dev/null; then
            echo "it does not have the block of $cluster exactly once"
        elif [ "$(block "$file" | sha256)" != "$sha256" ]; then
            echo "the block of $cluster is not the bundle's"
        fi
        ;;
    keys)
        # The file is OpenMeetings' own: only what keeps a secret in it from others is checked.
        [ "$sensitive" = true ] || return
        if grep -q '@omconf:' "$file"; then
            echo "a placeholder is left: its secret was never filled in"
        fi
        is=$(stat -L -c '%a %U:%G' "$file")
        if [ "${is#* }" != "$owner:$owner_group" ] || [ $((0${is%% *} & ~0$bits)) -ne 0 ]; then
            echo "it is $is, not ${bits#0} $owner:$owner_group, and it holds a secret"
        fi
        ;;
    *) ;;
    esac
}

check_files() {
    manifest=$cluster_folder/manifest.json
    if [ ! -r "$manifest" ]; then
        say unknown files "$manifest cannot be read: the node's manifest.json belongs there"
        return
    elif ! grep -q '"format_version": "1\.' "$manifest"; then
        say unknown files "$manifest is of a format that this program does not read"
        return
    elif ! grep -q "^ \"node\": \"$node\",\$" "$manifest"; then
        say fail files "$manifest is not the manifest of $node"
        return
    elif ! has stat || { ! has sha256sum && ! has openssl; }; then
        say unknown files "stat is missing, or both sha256sum and openssl"
        return
    fi
    count=0 faults=0 besides=
    while IFS='	' read -r ownership bits owner owner_group sha256 sensitive path; do
        [ -n "$path" ] || continue
        count=$((count + 1))
        [ "$ownership" != keys ] || besides="; values of single keys are not compared"
        path=$(printf '%b.' "$path")
        path=${path%.}
        file=$root$path
        found=$(fault | awk '{ printf "%s%s", between, $0; between = "; " }')
        case $found in
        '') continue ;;
        unknown:*) say unknown files "$path: ${found#unknown: }" ;;
        *) say fail files "$path: $found" ;;
        esac
        faults=$((faults + 1))
    done <<ENTRIES
$(entries "$manifest")
ENTRIES
    if [ "$count" -eq 0 ]; then
        say unknown files "$manifest lists no files"
    elif [ "$faults" -eq 0 ]; then
        say ok files "all $count files of the manifest are the bundle's$besides"
    fi
}

# What an apply wrote that did not come to its end, and whose readers have not run since; root alone sees it.
check_apply() {
    set -- "$root/var/lib/omconf/$cluster/pending"/*.path
    if [ -e "$1" ]; then
        say fail apply "an apply did not come to its end, and $# things are still to be done for what it\
 wrote: omconf apply does them"
    fi
}

# ---- the network ----

# OpenJPA takes a remote commit for its own when the sender started in the same millisecond and has the
# same port and address, that of its host's own name. As Java does, IPv4 first.
check_host_name() {
    name=$(uname -n)
    if ! has getent; then
        say unknown host-name "getent is missing"
        return
    fi
    found=$(within 15 getent ahostsv4 "$name" 2>/dev/null) || found=
    found=${found:-$(within 15 getent hosts "$name")}
    case $found in
    '') say fail host-name "$name does not resolve: OpenMeetings would not start" ;;
    127.* | ::1[!0-9a-f:]*)
        say warn host-name "$name is ${found%% *}: a node that starts in the same instant as another\
 such node would ignore its remote commits, and serve stale rows. In /etc/hosts, give the name this\
 node's own address alone: $address $name"
        ;;
    *) say ok host-name "$name is ${found%% *}" ;;
    esac
}

check_route() {
    [ "$route" = yes ] || return 0
    program=$root/usr/local/sbin/omconf-multicast-route
    if [ ! -x "$program" ]; then
        say fail route "$program is not there, or may not be run"
    elif ! has ip; then
        say unknown route "ip is missing"
    elif found=$("$program" check 2>&1); then
        say ok route "$found"
    else
        say fail route "${found#omconf-multicast-route: }"
    fi
}

# Who answers a ping to a multicast group, an address a line; what ping said when nobody did.
answers() {
    answer=$(within 15 ping -I "$address" -t "$2" -c 2 -W 1 "$1" 2>&1)
    printf '%s\n' "$answer" | awk '
        / bytes from / { from = $4; sub(/:$/, "", from); if (!seen[from]++) print from; next }
        /^ping: / { print "error " $0 }'
}

# Those of "NAME ADDRESS" lines in $1 whose address is ($3 yes) or is not ($3 no) a line of $2.
answering() {
    printf '%s\n=\n%s\n' "$2" "$1" | awk -v wanted="$3" '
        $0 == "=" { listed = 1; next }
        !listed { there[$1] = 1; next }
        NF && ($2 in there) == (wanted == "yes") { print $1 " (" $2 ")" }'
}

without_ports() { printf '%s\n' "$1" | sed 's/:[0-9]*$//'; }

count_of() { printf '%s\n' "$1" | grep -c .; }

check_multicast() {
    if [ -z "$multicast_group" ]; then
        return
    elif [ -z "$list" ]; then
        unlisted multicast
        return
    elif [ -z "$others" ]; then
        return
    elif ! has ping; then
        say unknown multicast "ping is missing"
        return
    fi
    heard=$(answers "$multicast_group" "$multicast_ttl")
    silent=$(answering "$(without_ports "$others")" "$heard" no)
    if [ -z "$silent" ]; then
        say ok multicast "all other nodes answer a ping to $multicast_group"
        return
    fi
    case $heard in
    *ermitted* | *ermission*)
        say unknown multicast "${heard#error }"
        return
        ;;
    error*)
        say fail multicast "${heard#error }"
        return
        ;;
    *) ;;
    esac
    # Every host is a member of 224.0.0.1, and no switch filters it.
    rest=$(printf '%s\n' "$silent" | sed 's/[()]//g')
    all_hosts=$(answers 224.0.0.1 1)
    deaf=$(answering "$rest" "$all_hosts" yes)
    silent=$(answering "$rest" "$all_hosts" no)
    if [ -n "$deaf" ]; then
        say fail multicast "$(some "$deaf") answers a ping to 224.0.0.1 but not to\
 $multicast_group: Hazelcast does not run there, or a switch drops the group (IGMP snooping without\
 a querier)"
    fi
    [ -n "$silent" ] || return 0
    ignored=$(cat /proc/sys/net/ipv4/icmp_echo_ignore_broadcasts 2>/dev/null)
    if [ "$ignored" = 0 ]; then
        say fail multicast "no answer to a ping to $multicast_group from $(some "$silent"):\
 multicast does not get there, or net.ipv4.icmp_echo_ignore_broadcasts is 1 there"
    else
        say unknown multicast "no answer to a ping to $multicast_group from $(some "$silent"):\
 net.ipv4.icmp_echo_ignore_broadcasts is 1 here, with which Linux answers none"
    fi
}

# Whether a device has joined a multicast group. The kernel prints the address as a number, whose
# bytes stand in the machine's own order.
has_joined() {
    awk -v device="$1" -v group="$2" '
        BEGIN {
            split(group, byte, ".")
            one = sprintf("%02X%02X%02X%02X", byte[1], byte[2], byte[3], byte[4])
            other = sprintf("%02X%02X%02X%02X", byte[4], byte[3], byte[2], byte[1])
        }
        /^[0-9]/ { current = $2; next }
        current == device && ($1 == one || $1 == other) { found = 1 }
        END { exit !found }' /proc/net/igmp
}

check_group() {
    [ -n "$multicast_group" ] || return 0
    if ! has ip; then
        say unknown group "ip is missing"
        return
    elif [ ! -r /proc/net/igmp ]; then
        say unknown group "/proc/net/igmp cannot be read"
        return
    fi
    device=$(ip -o -4 address show to "$address/32" | awk '{ print $2; exit }')
    if [ -z "$device" ]; then
        say fail group "no device of this host has the address $address"
    elif has_joined "$device" "$multicast_group"; then
        say ok group "$multicast_group is joined on $device"
    else
        say fail group "$multicast_group is not joined on $device: Hazelcast does not listen there"
    fi
}

# What can tell whether a port takes connections: nc with -z, bash, curl; nothing when none can.
prober() {
    if has nc && ! nc -z -w 1 127.0.0.1 9 2>&1 </dev/null | grep -q -i 'invalid option\|unrecognized\|usage:'; then
        echo nc
    elif has bash && has timeout; then
        echo bash
    elif has curl && curl -q --version | grep -q -w telnet; then
        echo curl
    fi
}

is_open() {
    case $probe in
    nc) nc -z -w 3 "$1" "$2" >/dev/null 2>&1 </dev/null ;;
    bash)
        # shellcheck disable=SC2016 # bash is to expand it
        timeout 3 bash -c ': <>"/dev/tcp/$1/$2"' bash "$1" "$2" >/dev/null 2>&1
        ;;
    *)
        taken=$(curl -q -s -m 3 -o /dev/null -w '%{time_connect}' "telnet://$1:$2" </dev/null)
        case $taken in
        *[1-9]*) true ;;
        *) false ;;
        esac
        ;;
    esac
}

# Those of the other nodes where none of the ports in $1 is open; 50 are asked at a time. Where NAT has
# another port for a node's Hazelcast, that one is asked for ($2 yes).
closed() {
    printf '%s\n' "$others" | (
        asked=0
        while read -r name place; do
            asked=$((asked + 1))
            ports=$1
            case $place in
            *:*)
                [ "$2" = no ] || ports=${place##*:}
                place=${place%:*}
                ;;
            *) ;;
            esac
            (
                for port in $ports; do
                    if is_open "$place" "$port"; then
                        exit
                    fi
                done
                [ "$ports" = "$1" ] || place=$place:$ports
                echo "$asked $name ($place)"
            ) &
            [ $((asked % 50)) -ne 0 ] || wait
        done
        wait
    ) | sort -n | sed 's/^[0-9]* //'
}

range() { echo "$1" | sed 's/ .* / to /'; }

# Check $1: the other nodes take connections on one of the ports $2; $3 as for closed().
check_ports() {
    if [ -z "$list" ]; then
        unlisted "$1"
    fi
    [ -n "$others" ] || return 0
    ports=$(range "$2")
    if [ -z "$probe" ]; then
        say unknown "$1" "nc -z, bash with timeout, and curl are all missing"
        return
    fi
    shut=$(closed "$2" "$3")
    if [ -z "$shut" ]; then
        say ok "$1" "all other nodes take connections on port $ports"
    else
        say fail "$1" "no connection to port $ports of $(some "$shut")"
    fi
}

check_database() {
    place=${database% *} port=${database##* }
    if [ -z "$probe" ]; then
        say unknown database "nc -z, bash with timeout, and curl are all missing"
    elif is_open "$place" "$port"; then
        say ok database "$place takes connections on port $port"
    else
        say fail database "no connection to port $port of $place"
    fi
}

# Whether something listens on one of these ports here (state 0A of /proc/net/tcp).
listens() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v ports="$1" '
        BEGIN { split(ports, list, " "); for (i in list) wanted[sprintf("%04X", list[i])] = 1 }
        $4 == "0A" { split($2, at, ":"); if (at[length(at)] in wanted) found = 1 }
        END { exit !found }'
}

check_listeners() {
    if [ ! -r /proc/net/tcp ]; then
        say unknown listeners "/proc/net/tcp cannot be read"
        return
    fi
    shut=
    listens "$hazelcast_ports" || shut="$(range "$hazelcast_ports") (Hazelcast)"
    listens "$commit_port" || shut="${shut:+$shut and }$commit_port (remote commits)"
    if [ -z "$shut" ]; then
        say ok listeners "Hazelcast and the remote commits listen"
    else
        say fail listeners "nothing listens on port $shut: OpenMeetings does not run here, or not as\
 configured"
    fi
}

# ---- the data folder ----

# Run a shell script as the user that OpenMeetings runs as; 125 when this user may not.
as_user() {
    if [ "$(id -un)" = "$user" ]; then
        within 15 sh -c "$1"
    elif [ "$(id -u)" -ne 0 ]; then
        return 125
    elif has runuser; then
        within 15 runuser -u "$user" -g "$group" -- sh -c "$1"
    elif has su; then
        within 15 su -s /bin/sh "$user" -c "$1"
    else
        return 125
    fi
}

# The scripts that run as that user; `folder`, `own` and `token` reach them by the environment.
# shellcheck disable=SC2016
write_own='umask 077 && set -C && echo "$token" >"$folder/$own"'
# shellcheck disable=SC2016
remove_own='rm -f "$folder/$own"'
# A run that was cut off may have left its file.
# shellcheck disable=SC2016
sweep='find "$folder/." -maxdepth 1 -name ".omconf-check.*.$node" -mmin +60 -exec rm -f {} +'
# shellcheck disable=SC2016
see='while read -r name rest; do
    if [ -e "$folder/.omconf-check.$token.$name" ]; then echo "$name"; fi
done'

check_folder() {
    # shellcheck disable=SC2016
    if ! real=$(within 15 sh -c 'cd -P "$1" && pwd' sh "$folder" 2>&1); then
        say fail folder "$folder cannot be entered: ${real:-no answer in 15 seconds}"
        return
    fi
    own=.omconf-check.$token.$node
    export folder own token node
    found=$(as_user "$write_own" 2>&1)
    case $? in
    0)
        say ok folder "$user can write in $folder"
        as_user "$sweep" >/dev/null 2>&1
        if [ "$mode" = leave ]; then
            fact left "$token"
        else
            as_user "$remove_own"
        fi
        ;;
    125) say unknown folder "only root can try to write as $user (with runuser or su)" ;;
    137) say fail folder "$user cannot write in $folder: no answer in 15 seconds" ;;
    *) say fail folder "$user cannot write in $folder: $found" ;;
    esac
    check_mount
}

# The mount that a path lies on: its mount point, file system and source.
mount_of() {
    path=$1 awk '
        function decoded(text) {
            gsub(/\\040/, " ", text); gsub(/\\011/, "\t", text); gsub(/\\012/, "\n", text)
            gsub(/\\134/, "\\", text)
            return text
        }
        {
            point = decoded($5)
            inside = index(ENVIRON["path"] "/", point (point == "/" ? "" : "/")) == 1
            for (i = 7; i < NF && $i != "-"; i++);
            if (inside && length(point) >= length(longest) && $(i + 1) != "autofs") {
                longest = point
                what = $(i + 1) " " decoded($(i + 2))
            }
        }
        END { print longest "\n" what }' /proc/self/mountinfo
}

check_mount() {
    [ "$mount" != no ] || return 0
    if [ ! -r /proc/self/mountinfo ]; then
        say unknown mount "/proc/self/mountinfo cannot be read"
        return
    fi
    found=$(mount_of "$real")
    point=${found%%
*}
    what=${found#*
}
    if [ "$point" = "$real" ] || { [ "$mount" = maybe ] && [ "$point" != / ]; }; then
        say ok mount "$folder lies on $point ($what)"
    elif [ "$mount" = maybe ]; then
        say unknown mount "nothing is mounted at $folder: right only where the data itself lies"
    else
        say fail mount "nothing is mounted at $folder: it lies on $point ($what)"
    fi
}

# Whose file of this token is in the data folder. Files are asked for by name: a network file system
# may remember an old list of a folder, but not an answer that it never gave.
collect() {
    own=.omconf-check.$token.$node
    export folder own token node
    printf '%s\n' "$list" | as_user "$see" 2>/dev/null | while IFS= read -r name; do
        fact sees "$name"
    done
    as_user "$remove_own" >/dev/null 2>&1
}

# ---- the running cluster ----

check_members() {
    log=$root$home/logs/openmeetings.log
    if [ ! -r "$log" ]; then
        say unknown members "$log cannot be read"
        return
    fi
    # Hazelcast lists all members at each change: the last whole list counts. A member's port counts
    # where the list of nodes has it.
    members=$({
        printf '%s\n%s\n=\n' "$seen_as" "$others"
        cat "$log"
    } | awk '
        !listed && $0 == "=" { listed = 1; next }
        !listed { known[$NF] = 1; next }
        index($0, "Members {size:") { inside = 1; list = ""; next }
        inside && match($0, /Member \[[^]]*\](:[0-9]+)?/) {
            member = with_port = substr($0, RSTART + 8, RLENGTH - 8)
            sub(/\].*/, "", member)
            sub(/\]/, "", with_port)
            list = list (with_port in known ? with_port : member) "\n"
            next
        }
        inside && /^[ \t\r]*\][ \t\r]*$/ { inside = 0; last = list }
        END { printf "%s", last }')
    if [ -z "$members" ]; then
        say unknown members "$log has no list of members: it was begun anew since the last change"
        return
    fi
    if [ "$facts" = yes ]; then
        printf '%s\n' "$members" | while IFS= read -r name; do fact member "$name"; done
    fi
    if [ -z "$list" ]; then
        say unknown members "this node sees $(some "$members"); omconf verify says whether all are there"
        return
    fi
    absent=$(answering "$others" "$members" no)
    strange=$(printf '%s\n=\n%s\n' "$seen_as
$others" "$members" | awk '
        $0 == "=" { listed = 1; next }
        !listed { known[$NF] = 1; next }
        !($0 in known) || seen[$0]++ { print }')
    all=$(count_of "$members")
    wanted=$(count_of "$seen_as
$others")
    text=${absent:+, not $(some "$absent")}${strange:+, and one more at $(some "$strange")}
    if [ -z "$text" ]; then
        say ok members "all $wanted nodes are members, as this one sees it"
    else
        say fail members "this node sees $all members of $wanted nodes$text"
    fi
}

check_health() {
    page=${url%/}/services/info/health
    if has curl; then
        answer=$(curl -q -sS --noproxy '*' --max-time 20 --max-filesize 65536 -w '\n%{http_code}' \
            "$page" 2>&1 </dev/null)
        code=$? untrusted=60
        http=${answer##*
}
    elif has wget; then
        answer=$(within 20 wget -q -O - -T 15 "$page" 2>&1 </dev/null)
        code=$? untrusted=5 http=200
    else
        say unknown health "curl and wget are missing"
        return
    fi
    if [ "$code" -eq "$untrusted" ]; then
        say unknown health "$page: this host does not trust the certificate, so nothing was read"
        return
    elif [ "$code" -ne 0 ]; then
        answer=$(printf '%s\n' "$answer" | grep -m 1 '^[a-z]*: ')
        say fail health "$page: ${answer:-no answer}"
        return
    elif [ "$http" != 200 ]; then
        say fail health "$page: HTTP $http: the web application does not run, or at another place"
        return
    fi
    wrong=
    for key in inited installed dbOk; do
        if ! printf '%s' "$answer" | grep -q "\"$key\"[[:space:]]*:[[:space:]]*true"; then
            wrong="$wrong$key is not true
"
        fi
    done
    if [ -z "$wrong" ]; then
        say ok health "inited, installed and dbOk are true"
    else
        say fail health "$page: $(some "$wrong")"
    fi
}

# The time zone that the running OpenMeetings was given, nothing where it was given none.
zone_of_instance() {
    grep -l 'Dcatalina[.]base=' /proc/[0-9]*/cmdline 2>/dev/null | while IFS= read -r process; do
        tr '\000' '\n' <"$process" 2>/dev/null | base=-Dcatalina.base=$home awk '
            $0 == ENVIRON["base"] { ours = 1 }
            sub(/^-Duser\.timezone=/, "") { zone = $0 }
            END { if (ours && zone != "") print zone }'
    done | head -n 1
}

is_zone() {
    case $1 in
    *[!A-Za-z0-9_+/-]*) false ;;
    *) [ -f "/usr/share/zoneinfo/$1" ] ;;
    esac
}

check_time_zone() {
    offset=$(date +%z)
    from="the host's"
    zone=$(zone_of_instance)
    if [ -n "$zone" ]; then
        if ! is_zone "$zone"; then
            say unknown timezone "/usr/share/zoneinfo has no $zone, which OpenMeetings was given"
            return
        fi
        offset=$(TZ=$zone date +%z)
        from="$zone, which OpenMeetings was given"
    fi
    fact utc-offset "$offset"
    if [ -n "$timezone" ] && ! is_zone "$timezone"; then
        say unknown timezone "/usr/share/zoneinfo has no $timezone"
    elif [ -n "$timezone" ] && [ "$(TZ=$timezone date +%z)" != "$offset" ]; then
        say fail timezone "$offset ($from), not $timezone"
    else
        say ok timezone "$offset ($from)"
    fi
}

check_clock() {
    if ! has timedatectl; then
        say unknown clock "timedatectl is missing"
        return
    fi
    found=$(within 15 timedatectl show --property=NTPSynchronized 2>&1)
    case $found in
    NTPSynchronized=yes) say ok clock "synchronised by NTP" ;;
    NTPSynchronized=no) say unknown clock "not synchronised by NTP, as far as systemd knows" ;;
    *) say unknown clock "timedatectl: ${found%%
*}" ;;
    esac
}

# Seconds since 1970, with a fraction where date has it.
now() {
    moment=$(date +%s.%N)
    case $moment in
    *[!0-9.]*) date +%s ;;
    *) echo "$moment" ;;
    esac
}

run() {
    read_configuration || return
    if [ "$mode" = collect ]; then
        collect
        return
    fi
    hazelcast_ports=${hazelcast_port:-5701 5702 5703}
    probe=$(prober)
    check_folder
    check_files
    check_apply
    check_host_name
    check_route
    check_group
    check_multicast
    check_database
    check_listeners
    check_ports hazelcast-port "$hazelcast_ports" yes
    check_ports commit-port "$commit_port" no
    check_members
    check_time_zone
    check_clock
    check_health
}

root='' cluster='' nodes='' mode=all facts=no token=$(date +%s)$$
while [ $# -gt 0 ]; do
    case $1 in
    --facts) facts=yes ;;
    --nodes | --root | --cluster | --leave | --collect)
        [ $# -ge 2 ] || usage
        case $1 in
        --nodes) nodes=$2 ;;
        --root) root=${2%/} ;;
        --cluster) cluster=$2 ;;
        *) mode=${1#--} facts=yes token=$2 ;;
        esac
        shift
        ;;
    *) usage ;;
    esac
    shift
done
case $token in
'' | *[!0-9a-f]*) usage ;;
*) ;;
esac
case $cluster in
'')
    for found in "$root"/etc/omconf/*/check.conf; do
        [ -z "$cluster" ] || usage
        cluster=${found%/check.conf}
        cluster=${cluster##*/}
    done
    ;;
*[!a-z0-9-]*) usage ;;
*) ;;
esac

# Said at once: what takes long here would make the moment unclear to who asks.
if [ "$mode" = collect ]; then
    fact time "$(now)"
fi

# The last line says that the program came to its end; awk tells whether anything failed.
{
    run
    echo end
} | awk -F '\t' '
    $0 == "end" { ended = 1; next }
    { print }
    $1 == "fail" { failed = 1 }
    END {
        if (!ended)
            print "fail\tnode-check\tthe program broke off"
        exit failed || !ended
    }'
