# Checks this node of an OpenMeetings cluster. Each finding is one line: STATUS, CHECK and TEXT with
# a tab between them. STATUS is `ok`, `fail`, `warn` (it works, but may fail one day) or
# `unknown` (a check that could not be made).
# Exit 0 when nothing failed, 1 when something did, 64 for a wrong command line.
#
#   omconf-node-check                  all checks
#   omconf-node-check --running        only whether OpenMeetings runs, is healthy, and whom it sees
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
        "[--running] [--facts | --leave TOKEN | --collect TOKEN]" >&2
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
        NF == 2 && ($1 "" == node "") == (wanted == "yes") { print $1 " " $2 }'
}

# A check that needs the list of all nodes, without it.
unlisted() { say unknown "$1" "the list of nodes is unknown: omconf verify passes it"; }

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
    hazelcast_port='' commit_port='' driver_files='' route='' multicast_group='' multicast_ttl='' timezone=''
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
        driver_file_*) driver_files="$driver_files$value
" ;;
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

# The manifest's entries, one a line: ownership, mode, owner, group, sha256, sensitive, kind, path.
# JSON's \u escapes in a path become octal ones, for printf.
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
                "\t" value("sha256") "\t" value("sensitive") "\t" value("kind") "\t" path
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
    while IFS='	' read -r ownership bits owner owner_group sha256 sensitive kind path; do
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
    owed=no
    set -- "$root/var/lib/omconf/$cluster/pending"/*.path
    if [ -e "$1" ]; then
        owed=yes
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
    *ermitted* | *ermission* | *option* | *sage:*)
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
        # Behind a name of ten characters or more the colon has no blank before it.
        /^[0-9]/ { current = $2; sub(/:$/, "", current); next }
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

# Functions of awk that read XML: text() takes comments away, value() gives an attribute of a tag,
# decoded.
# shellcheck disable=SC2089
xml='
    function text(all,    from, to, rest) {
        while (from = index(all, "<!--")) {
            rest = rest substr(all, 1, from - 1)
            all = substr(all, from + 4)
            if (!(to = index(all, "-->")))
                return rest
            all = substr(all, to + 3)
        }
        return rest all
    }
    function value(tag, name,    quote, found) {
        if (!match(tag, "[ \t\r\n]" name "[ \t\r\n]*=[ \t\r\n]*[\"\047]"))
            return ""
        quote = substr(tag, RSTART + RLENGTH - 1, 1)
        found = substr(tag, RSTART + RLENGTH)
        found = substr(found, 1, index(found quote, quote) - 1)
        gsub(/[\t\r\n]/, " ", found)
        return decoded(found)
    }
    function decoded(escaped,    from, to, name, plain) {
        while (from = index(escaped, "&")) {
            plain = plain substr(escaped, 1, from - 1)
            escaped = substr(escaped, from + 1)
            to = index(escaped, ";")
            name = substr(escaped, 1, to - 1)
            escaped = substr(escaped, to + 1)
            if (name ~ /^#x[0-9A-Fa-f]+$/)
                plain = plain utf8(number(tolower(substr(name, 3)), 16))
            else if (name ~ /^#[0-9]+$/)
                plain = plain utf8(number(substr(name, 2), 10))
            else if (name in entity)
                plain = plain entity[name]
        }
        return plain escaped
    }
    function number(digits, base,    i, sum) {
        for (i = 1; i <= length(digits) && i <= 8; i++)
            sum = sum * base + index("0123456789abcdef", substr(digits, i, 1)) - 1
        return sum
    }
    function utf8(code) {
        if (code < 128)
            return sprintf("%c", code)
        if (code < 2048)
            return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
        if (code < 65536)
            return sprintf("%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, \
                128 + code % 64)
        return sprintf("%c%c%c%c", 240 + int(code / 262144) % 8, 128 + int(code / 4096) % 64, \
            128 + int(code / 64) % 64, 128 + code % 64)
    }
    BEGIN {
        entity["amp"] = "&"; entity["lt"] = "<"; entity["gt"] = ">"
        entity["quot"] = "\""; entity["apos"] = "\047"
    }'

# What persistence.xml says of the database: with `want` "place" its kind, hosts, ports, name, user, how
# many servers there are, and why no client can log in as the driver does, a line each; else what makes a
# client log in, as the option file of that client has it, of MySQL to the server with the number `number`.
# The pairs of openjpa.ConnectionProperties are split as OpenJPA does it.
# shellcheck disable=SC2016
connection=$xml'
    function trimmed(part) {
        sub(/^[\001- ]+/, "", part)
        sub(/[\001- ]+$/, "", part)
        return part
    }
    function pairs(all,    count, part, i, equals, name, held, mark, to) {
        count = split(all, part, ",")
        for (i = 1; i <= count; i++) {
            if (!(equals = index(part[i], "=")))
                continue
            name = tolower(trimmed(substr(part[i], 1, equals - 1)))
            held = substr(part[i], equals + 1)
            mark = substr(held, 1, 1)
            if (mark == "\"" || mark == "\047") {
                held = substr(held, 2)
                if (held != "" && substr(held, length(held)) == mark)
                    held = substr(held, 1, length(held) - 1)
                else
                    while (i < count) {
                        to = index(part[++i], mark)
                        held = held "," (to ? substr(part[i], 1, to - 1) substr(part[i], to + 1) \
                            : part[i])
                        if (to)
                            break
                    }
            }
            pair[name] = trimmed(held)
        }
    }
    function unescaped(part,    plain) {
        gsub(/\+/, " ", part)
        while (match(part, /%[0-9A-Fa-f][0-9A-Fa-f]/)) {
            plain = plain substr(part, 1, RSTART - 1) \
                sprintf("%c", number(tolower(substr(part, RSTART + 1, 2)), 16))
            part = substr(part, RSTART + 3)
        }
        return plain part
    }
    function parameter(name,    at, found) {
        if (!(at = index(parameters, "&" name "=")))
            return ""
        found = substr(parameters, at + length(name) + 2)
        return unescaped(substr(found, 1, index(found, "&") - 1))
    }
    function option_of(name, key,    found) {
        if ((found = parameter(key)) != "" && found !~ /[\001-\037]/)
            option(name, found)
    }
    # No client reads the stores of Java, nor knows the CAs that it trusts.
    function untold(    mode, key) {
        if (kind == "postgresql") {
            mode = tolower(parameter("sslmode"))
            if (mode ~ /^verify-/ && parameter("sslfactory") != "")
                return "it does not know the CAs that Java knows"
            return parameter("sslkey") ~ /\.(p12|pfx)$/ ? "it cannot read the key store" : ""
        }
        if (parameter("clientCertificateKeyStoreUrl") != "")
            return "it cannot read the key store"
        mode = toupper(parameter("sslMode"))
        return mode ~ /^VERIFY_/ ? "it cannot read a trust store of Java" : ""
    }
    # A backslash in what gsub() puts in means something else to every awk.
    function option(name, given,    i, one, plain) {
        if (kind == "postgresql") {
            print name "=" given
            return
        }
        for (i = 1; i <= length(given); i++) {
            one = substr(given, i, 1)
            plain = plain (one == "\\" || one == "\"" ? "\\" : "") one
        }
        print name "=\"" plain "\""
    }
    { all = all $0 "\n" }
    END {
        all = text(all)
        while (match(all, /<property[ \t\r\n][^>]*>/)) {
            tag = substr(all, RSTART, RLENGTH)
            all = substr(all, RSTART + RLENGTH)
            if (value(tag, "name") == "openjpa.ConnectionProperties")
                pairs(value(tag, "value"))
        }
        url = pair["url"]
        password = pair["password"]
        user = pair["username"]
        if (!sub(/^jdbc:/, "", url) || !match(url, /^(postgresql|mysql|mariadb):\/\//))
            exit
        kind = substr(url, 1, RLENGTH - 3)
        url = substr(url, RLENGTH + 1)
        parameters = ""
        if (at = index(url, "?")) {
            parameters = "&" substr(url, at + 1) "&"
            url = substr(url, 1, at - 1)
        }
        # Hosts, and no word of how else to find them.
        if (!match(url, /^[][A-Za-z0-9._:,-]+\/[^\/]+$/))
            exit
        name = unescaped(substr(url, index(url, "/") + 1))
        servers = split(substr(url, 1, index(url, "/") - 1), server, ",")
        for (i = 1; i <= servers; i++) {
            if (server[i] !~ /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?$/)
                exit
            ports[i] = kind == "postgresql" ? 5432 : 3306
            if (match(server[i], /:[0-9]+$/)) {
                ports[i] = substr(server[i], RSTART + 1)
                server[i] = substr(server[i], 1, RSTART - 1)
            }
            gsub(/[][]/, "", server[i])
            hosts = hosts (i > 1 ? "," : "") server[i]
            port = port (i > 1 ? "," : "") ports[i]
        }
        # A line is an option: none of these can be one more.
        if ((user name password parameters) ~ /[\001-\010\012-\037\177]/ || user == "" || password ~ /@omconf:/)
            exit
        if (ENVIRON["want"] == "place") {
            print kind "\n" hosts "\n" port "\n" name "\n" user "\n" servers "\n" untold()
            exit
        }
        print kind == "postgresql" ? "[omconf]" : "[client]"
        if (kind != "postgresql") {
            i = ENVIRON["number"] + 0
            hosts = server[i]
            port = ports[i]
            if (hosts == "")
                exit
        }
        option("host", hosts)
        option("port", port)
        option("user", user)
        option("password", password)
        if (kind == "postgresql") {
            option("dbname", name)
            option("connect_timeout", 5)
            mode = parameter("sslmode")
            if (mode == "" && parameter("ssl") == "true")
                mode = "verify-full"
            if (mode ~ /^[a-z-]+$/)
                option("sslmode", mode)
            option_of("sslrootcert", "sslrootcert")
            option_of("sslcert", "sslcert")
            option_of("sslkey", "sslkey")
            if (parameter("targetServerType") ~ /^(primary|master)$/)
                option("target_session_attrs", "read-write")
            exit
        }
        # The driver never takes a socket, whatever the host is called.
        option("protocol", "tcp")
        option("connect-timeout", 5)
        if (toupper(parameter("sslMode")) == "REQUIRED" || parameter("requireSSL") == "true") {
            option("loose-ssl", "1")
            option("loose-ssl-mode", "REQUIRED")
            option("loose-ssl-verify-server-cert", "0")
        }
        option("loose-default-character-set", "utf8mb4")
        # A server may ask a client for its files.
        option("loose-local-infile", "0")
        print "[mysql]"
        option("database", name)
    }'
# Log in as OpenMeetings does. The password goes from persistence.xml to the client through a pipe: it
# stands in no argument, in no environment and in no further file. psql goes from server to server by itself;
# for MySQL that is done here, where a server does not answer.
# shellcheck disable=SC2016
log_in='text=$(cat "$persistence")
said=$(printf "%s\n" "$text" | want=place awk "$connection")
case $client in
psql) printf "%s\n" "$text" | want=client awk "$connection" | env -i PATH="$PATH" LC_ALL=C \
    PGSERVICEFILE=/dev/stdin PGSERVICE=omconf psql -X -w -A -t -q -c "select 1"
    exit ;;
esac
servers=$(printf "%s\n" "$said" | sed -n 6p) number=0
while [ "$number" -lt "$servers" ]; do
    number=$((number + 1))
    if said=$(printf "%s\n" "$text" | number=$number want=client awk "$connection" | env -i \
        PATH="$PATH" LC_ALL=C "$client" --defaults-file=/dev/stdin -B -N -e "select 1" 2>&1)
    then exit 0; fi
    printf "%s\n" "$said"
    case $said in *"ERROR 20"*) ;; *) break ;; esac
done
exit 1'
# shellcheck disable=SC2016
find_place='want=place awk "$connection" "$persistence"'

# Of what a client says, only what holds no secret is repeated. A refusal of a server itself counts before
# what went wrong on the way to another one: both have failed, or else the client could not try it as the
# driver does. Before the login PostgreSQL speaks its own language: a word, a colon and two blanks.
refusal() {
    tr -d '\r' | awk '
        function way(text) { if (first == "") first = text }
        sub(/^.* FATAL: +/, "") { server = "fail " $0; exit }
        /^ERROR [0-9]+ \(/ {
            if ($2 !~ /^2...$/) { server = "fail " $0; exit }
            way(($2 ~ /^20(02|03|05|13)$/ ? "fail " : "unknown ") $0)
        }
        sub(/^(psql: error: )?connection to server .* failed: /, "") {
            if (sub(/^[^ :]+:  /, "")) { server = "fail " $0; exit }
            way((/refused|No route|unreachable|timeout/ ? "fail " : "unknown ") $0)
        }
        sub(/^psql: error: could not translate/, "cannot translate") { way("fail " $0) }
        END { if (server first != "") print server != "" ? server : first }'
}

# Name in $client what can log in to a server of the kind $kind; fails where none of $clients is there.
find_client() {
    clients='mariadb mysql'
    [ "$kind" != postgresql ] || clients=psql
    for client in $clients; do
        ! has "$client" || return 0
    done
    return 1
}

# Whether OpenMeetings can read what its driver needs to know the database server.
# shellcheck disable=SC2016
readable='[ -r "$file" ]'
check_driver_files() {
    [ -n "$driver_files" ] || return 0
    count=0 faults=0
    export file
    while IFS= read -r path; do
        [ -n "$path" ] || continue
        count=$((count + 1))
        file=$root$path
        as_user "$readable" </dev/null
        case $? in
        0) continue ;;
        125) say unknown driver-files "only root or $user can tell whether $user may read $path" ;;
        *)
            if [ -e "$file" ] || [ ! -x "${file%/*}" ]; then
                say fail driver-files "$user may not read $path: no login to the database would work"
            else
                say fail driver-files "$path is not there: no login to the database would work"
            fi
            ;;
        esac
        faults=$((faults + 1))
    done <<FILES
$driver_files
FILES
    [ "$faults" -gt 0 ] || say ok driver-files "$user may read what the driver needs: $(counted "$count" file)"
}

# Try to log in; says nothing when nobody can, but why in $why.
check_login() {
    persistence=
    [ ! -r "$cluster_folder/manifest.json" ] || persistence=$(entries "$cluster_folder/manifest.json" |
        awk -F '\t' '$7 == "persistence" { print $8; exit }')
    persistence=$(printf '%b.' "$persistence")
    persistence=$root${persistence%.}
    # shellcheck disable=SC2090
    export persistence connection client=''
    if [ "$persistence" = "$root" ]; then
        why="the manifest tells of no persistence.xml"
        return 1
    fi
    found=$(as_user "$find_place" 2>&1)
    code=$?
    case $code in
    0) ;;
    125)
        why="only root or $user may read $persistence"
        return 1
        ;;
    *)
        why="$persistence cannot be read: ${found:-it ended with $code}"
        return 1
        ;;
    esac
    if [ -z "$found" ]; then
        why="what $persistence says of it is not known to this program"
        return 1
    fi
    {
        read -r kind
        read -r place
        read -r port
        read -r name
        read -r login
        read -r count
        read -r untold
    } <<PLACE
$found
PLACE
    if ! find_client; then
        why="${clients% *} is missing"
        return 1
    fi
    if [ -n "$untold" ]; then
        why="with $client: $untold"
        return 1
    fi
    text="a login as $login to $name on port $port of $place"
    found=$(as_user "$log_in" 2>&1)
    code=$?
    if [ "$code" -eq 0 ]; then
        say ok database "$text works"
        return
    fi
    found=$(printf '%s\n' "$found" | refusal)
    case $found in
    'fail '*) say fail database "$text: ${found#fail }" ;;
    *)
        found=${found#unknown }
        say unknown database "$text could not be tried by $client: ${found:-it ended with $code}"
        ;;
    esac
}

# The servers of the database, "HOST PORT" a line, out of "HOST PORT HOST PORT ...".
servers() {
    # shellcheck disable=SC2086 # names and ports, no patterns
    set -- $1
    while [ $# -gt 1 ]; do
        printf '%s %s\n' "$1" "$2"
        shift 2
    done
}

# Which of the servers in $1 take connections: in $open and $shut, in words.
ask_servers() {
    open='' shut=''
    while read -r place port; do
        if is_open "$place" "$port"; then
            open="${open:+$open, }$place takes connections on port $port"
        else
            shut="${shut:+$shut, }port $port of $place"
        fi
    done <<SERVERS
$(servers "$1")
SERVERS
}

check_database() {
    [ -z "$probe" ] || ask_servers "$database"
    if [ -n "$probe" ] && [ -z "$open" ]; then
        say fail database "no connection to $shut"
        return
    elif check_login; then
        :
    elif [ -z "$probe" ]; then
        say unknown database "nc -z, bash with timeout, and curl are all missing; no login: $why"
        return
    else
        say ok database "$open; no login was tried: $why"
    fi
    if [ -n "$probe" ] && [ -n "$shut" ]; then
        say warn database "no connection to $shut: a failover would find no server there"
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
    code=$?
    case $code in
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
    *)
        [ "$code" != 137 ] || found="no answer in 15 seconds"
        say fail folder "$user cannot write in $folder: $found"
        # Where the disk is full, an empty file is there.
        as_user "$remove_own" >/dev/null 2>&1
        ;;
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
        say unknown members "$log has no list of members: it was rotated after the last change"
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
    wanted=$(count_of "$seen_as
$others")
    seen=$((wanted - $(count_of "$absent")))
    text=${absent:+; missing: $(some "$absent")}${strange:+; unexpected: $(some "$strange")}
    if [ -z "$text" ]; then
        say ok members "all $wanted nodes are members, as this one sees it"
    else
        say fail members "this node sees $seen of $wanted members$text"
    fi
}

# Tomcat's connectors for HTTP, a line each: port, `https` or `http`, and the address that it is bound to.
connectors() {
    # shellcheck disable=SC2016
    head -c 1000000 "$1" | within 15 awk "$xml"'
        { all = all $0 "\n" }
        END {
            all = text(all)
            while (match(all, /<Connector[ \t\r\n][^>]*>/)) {
                tag = substr(all, RSTART, RLENGTH)
                all = substr(all, RSTART + RLENGTH)
                port = value(tag, "port")
                bound = value(tag, "address")
                if (port ~ /^[0-9]+$/ && value(tag, "protocol") !~ /[Aa][Jj][Pp]/ && \
                    bound ~ /^[0-9A-Za-z.:-]*$/)
                    print port, tolower(value(tag, "SSLEnabled")) == "true" ? "https" : "http", bound
            }
        }'
}

# Where this node's own OpenMeetings is asked: the node's address, and the port of Tomcat. Behind a load
# balancer the URL has another one, and its answer may be that of another node.
own_place() {
    own_scheme=${url%%://*}
    rest=${url#*://}
    url_path=
    case $rest in
    */*) url_path=/${rest#*/} ;;
    *) ;;
    esac
    url_path=${url_path%/}
    case ${rest%%/*} in
    \[*\]:* | [!\[]*:*)
        url_host=${rest%%/*} url_port=${rest%%/*}
        url_host=${url_host%:*} url_port=${url_port##*:}
        ;;
    *) url_host=${rest%%/*} url_port= ;;
    esac
    if [ -z "$url_port" ]; then
        url_port=80
        [ "$own_scheme" = http ] || url_port=443
    fi
    own_port=$url_port own_address=$address
    server=$root$home/conf/server.xml
    [ -r "$server" ] || return 0
    found=$(connectors "$server" 2>/dev/null | awk -v port="$url_port" -v scheme="$own_scheme" '
        function rank() { return $1 == port ? 3 : $2 == scheme ? 2 : 1 }
        rank() > best { best = rank(); found = $0 }
        END { print found }')
    [ -n "$found" ] || return 0
    own_port=${found%% *}
    found=${found#* }
    own_scheme=${found%% *}
    case ${found#* } in
    '' | 0.0.0.0 | ::) ;;
    *) own_address=${found#* } ;;
    esac
}

bracketed() {
    case $1 in
    *:*) echo "[$1]" ;;
    *) echo "$1" ;;
    esac
}

# Ask OpenMeetings here by the URL's host name, whatever its certificate says. An answer is its status
# line or code, then more; nothing that leads elsewhere is followed.
ask_health() {
    page=$url_path/services/info/health
    place=$(bracketed "$own_address"):$own_port
    if has curl; then
        curl -q -k -sS --noproxy '*' --max-time 20 --max-filesize 65536 -w '\nHTTP/- %{http_code}' \
            --connect-to "::$place" "$own_scheme://$url_host:$own_port$page" 2>&1 </dev/null
        return
    fi
    set -- -S -q -O - --header "Host: $url_host"
    if [ "$own_scheme" = https ]; then
        set -- "$@" --no-check-certificate
    fi
    # The timeout of BusyBox's wget is not to be relied on.
    case $(wget --version 2>&1) in
    'GNU Wget'*) set -- "$@" -T 15 -t 1 --max-redirect=0 --no-proxy ;;
    *) ;;
    esac
    (
        unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
        within 20 wget "$@" "$own_scheme://$place$page" 2>&1 </dev/null
    )
}

check_health() {
    if ! has curl && ! has wget; then
        say unknown health "curl and wget are missing"
        return
    fi
    answer=$({
        ask_health
        echo "
ended $?"
    } | head -c 100000 | tr '\000' ' ')
    at=$own_scheme://$(bracketed "$own_address"):$own_port$url_path/services/info/health
    # A shell's own ${answer##*ended } takes seconds for so long a text.
    code=$(printf '%s\n' "$answer" | sed -n '$s/^ended //p')
    status=$(printf '%s\n' "$answer" | awk '$1 ~ /^HTTP\// && $2 ~ /^[1-5][0-9][0-9]$/ { print $2; exit }')
    wrong=
    for key in inited installed dbOk; do
        if ! printf '%s' "$answer" | grep -q "\"$key\"[[:space:]]*:[[:space:]]*true"; then
            wrong="$wrong$key is not true
"
        fi
    done
    said=$(printf '%s\n' "$answer" | grep -m 1 '^[a-z]*: ')
    case $code in
    '' | *[!0-9]*) say fail health "$at: it sent more than a health page" && return ;;
    *) ;;
    esac
    case $status:$said in
    200:*) ;;
    :*option* | :*usage*) say unknown health "$said: this curl or wget is too old to ask it" && return ;;
    :*) say fail health "$at: ${said:-no answer}" && return ;;
    3*) say fail health "$at: HTTP $status: it leads elsewhere" && return ;;
    *)
        say fail health "$at: HTTP $status: the web application does not run, or at another place"
        return
        ;;
    esac
    if [ -z "$wrong" ]; then
        say ok health "inited, installed and dbOk are true"
    else
        say fail health "$at: $(some "$wrong")"
    fi
}

# ---- the certificate ----

# How many whole days are left until a date as openssl writes it; below 0 when it is over.
days_left() {
    printf '%s\n' "$1" | awk -v now="$(date +%s)" '
        {
            month = (index("JanFebMarAprMayJunJulAugSepOctNovDec", $1) + 2) / 3
            split($3, clock, ":")
            year = $4 - (month <= 2)
            era = int(year / 400)
            of_era = year - era * 400
            of_year = int((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + $2 - 1
            days = era * 146097 + of_era * 365 + int(of_era / 4) - int(of_era / 100) + of_year - 719468
            left = days * 86400 + clock[1] * 3600 + clock[2] * 60 + clock[3] - now
            print left < 0 ? int(left / 86400) - 1 : int(left / 86400)
        }'
}

counted() {
    [ "$1" = 1 ] && echo "1 $2" || echo "$1 $2s"
}

# Whether browsers take the certificate that this node itself shows: at the port of the URL, or, where
# something else has that port, at Tomcat's own.
check_certificate() {
    # What users meet fails; behind something else that asks the node, it may not matter.
    bad=fail
    case $url in
    https:*) ;;
    *) return 0 ;;
    esac
    place=$(bracketed "$address"):$url_port
    if ! listens "$url_port"; then
        [ "$own_scheme" = https ] || return 0
        place=$(bracketed "$own_address"):$own_port
        [ "$own_port" = "$url_port" ] || bad=warn
    fi
    name=${url_host#\[}
    name=${name%\]}
    if has openssl; then
        certificate_by_openssl
    elif has curl; then
        certificate_by_curl
    else
        say unknown certificate "openssl and curl are missing"
    fi
}

certificate_by_openssl() {
    case $name in
    *:*) by=ip ;;
    *[!0-9.]*) by=host ;;
    *) by=ip ;;
    esac
    set -- -connect "$place"
    [ "$by" = ip ] || set -- "$@" -servername "$name"
    shown=$(within 15 openssl s_client "$@" 2>&1 </dev/null | head -c 100000 | tr '\000' ' ')
    case $shown in
    *'-----BEGIN CERTIFICATE-----'*) ;;
    *)
        # Where nothing answers, the check of its health says so.
        say unknown certificate "$place shows none"
        return
        ;;
    esac
    about=$(printf '%s\n' "$shown" | openssl x509 -noout -enddate "-check$by" "$name" 2>/dev/null)
    end=$(printf '%s\n' "$about" | sed -n 's/^notAfter=//p')
    if [ -z "$end" ]; then
        say unknown certificate "this openssl cannot tell whom the certificate of $place is for"
        return
    fi
    left=$(days_left "$end")
    level=0 text=
    # Its own words, by number: 18 self-signed, 9 and 10 of its time, others of who signed it.
    errors=" $(printf '%s\n' "$shown" | sed -n 's/^verify error:num=\([0-9]*\):.*/\1/p' | tr '\n' ' ')"
    case $errors in
    *' 18 '*) level=1 text="self-signed" ;;
    *' 2 '* | *' 19 '* | *' 20 '* | *' 21 '* | *' 27 '*)
        level=1 text="of a CA that this host does not know"
        ;;
    *' 9 '*) level=2 text="not valid yet" ;;
    ' ') text="trusted" ;;
    *' 10 '*)
        text="trusted"
        case $left in
        -*) ;;
        *) level=2 text="of a CA whose own certificate has expired" ;;
        esac
        ;;
    *)
        number=${errors# }
        level=2 text="not valid: error ${number%% *} of openssl verify"
        ;;
    esac
    [ "$level" -eq 1 ] && worse=1 || worse=2
    case $about in
    *' does match '*) text="$text, for $name" ;;
    *) text="$text, not for $name" level=$worse ;;
    esac
    case $left in
    -*)
        text="$text, expired $(counted "${left#-}" day) ago"
        level=$worse
        ;;
    *)
        text="$text, $(counted "$left" day) left"
        [ "$level" -gt 0 ] || [ "$left" -ge 14 ] || level=1
        ;;
    esac
    say_certificate
}

# Say it as bad as it is: at level 1 it may be meant so, at 2 it cannot be.
say_certificate() {
    case $level in
    0) say ok certificate "$place: $text" ;;
    1) say warn certificate "$place: $text" ;;
    *) say "$bad" certificate "$place: $text" ;;
    esac
}

certificate_by_curl() {
    found=$(curl -q -sS -o /dev/null --noproxy '*' --max-time 20 --connect-to "::$place" \
        "https://$url_host:$url_port/" 2>&1 </dev/null)
    code=$?
    text=$(printf '%s\n' "$found" | sed -n 's/^curl: ([0-9]*) //p' | head -n 1)
    level=2
    case $code:$text in
    0:*) level=0 text="trusted, for $name; until when is not known without openssl" ;;
    60:*self*signed* | 60:*local\ issuer*) level=1 ;;
    51:* | 60:*) ;;
    *)
        say unknown certificate "$place shows none: ${text:-no answer}"
        return
        ;;
    esac
    say_certificate
}

# When the process of OpenMeetings started, in seconds since 1970; nothing when it is not known.
started_at() {
    instances | while IFS= read -r process; do
        cat /proc/uptime "$process/stat" 2>/dev/null | awk -v now="$(date +%s)" \
            -v ticks="$(getconf CLK_TCK 2>/dev/null || echo 100)" '
            NR == 1 { up = $1; next }
            { sub(/^.*\) /, ""); age = up - $20 / ticks; if (age >= 0) printf "%d\n", now - age }'
    done | sort -n | head -n 1
}

# OpenMeetings reads its files when it starts. Whether those changed since are of use to it, nobody knows.
check_started() {
    manifest=$cluster_folder/manifest.json
    if [ "$owed" = yes ] || [ ! -r "$manifest" ] || ! has stat; then
        return 0
    fi
    # Others cannot tell whether a process is in a container.
    if [ "$(id -u)" -ne 0 ] && [ "$(id -un)" != "$user" ]; then
        return 0
    fi
    started=$(started_at)
    [ -n "$started" ] || return 0
    newer=$(entries "$manifest" | while IFS='	' read -r _ _ _ _ _ _ kind path; do
        case $kind in
        hazelcast | jvm | openmeetings_properties | persistence | service) ;;
        *) continue ;;
        esac
        path=$(printf '%b.' "$path")
        path=${path%.}
        # The later of when its content and its inode changed: what is laid may keep its old time.
        changed=$(stat -L -c %Z "$root$path" 2>/dev/null) || continue
        [ "$changed" -le $((started + 1)) ] || printf '%s\n' "$path"
    done)
    if [ -z "$newer" ]; then
        say ok started "no file that OpenMeetings reads has changed since it started"
    else
        say unknown started "changed since OpenMeetings started: $(some "$newer"); whether it runs on\
 what they were before is not known: restart it"
    fi
}

# The processes of OpenMeetings on this node, a folder of /proc a line. One with a network of its own is
# in a container, and another node. The network is read before the command line: of a process that ends,
# the command line goes first, so that one without a network here is alive, and another user's.
instances() {
    own=$(readlink /proc/self/ns/net 2>/dev/null)
    grep -l 'Dcatalina[.]base=' /proc/[0-9]*/cmdline 2>/dev/null | while IFS= read -r process; do
        process=${process%/cmdline}
        its=$(readlink "$process/ns/net" 2>/dev/null)
        [ "${its:-$own}" = "$own" ] || continue
        if tr '\000' '\n' 2>/dev/null <"$process/cmdline" | grep -q -x -F -e "-Dcatalina.base=$home"; then
            echo "$process"
        fi
    done
}

# The time zone that the running OpenMeetings was given, nothing where it was given none.
zone_of_instance() {
    instances | while IFS= read -r process; do
        tr '\000' '\n' 2>/dev/null <"$process/cmdline" | awk '
            sub(/^-Duser\.timezone=/, "") { zone = $0 }
            END { if (zone != "") print zone }'
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
    if [ "$mode" = running ]; then
        check_listeners
        check_members
        own_place
        check_health
        return
    fi
    probe=$(prober)
    check_folder
    check_files
    check_apply
    check_host_name
    check_route
    check_group
    check_multicast
    check_driver_files
    check_database
    check_listeners
    check_ports hazelcast-port "$hazelcast_ports" yes
    check_ports commit-port "$commit_port" no
    check_members
    check_time_zone
    check_clock
    check_started
    own_place
    check_health
    check_certificate
}

root='' cluster='' nodes='' mode=all facts=no token=$(date +%s)$$
while [ $# -gt 0 ]; do
    case $1 in
    --facts) facts=yes ;;
    --running) mode=running ;;
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
