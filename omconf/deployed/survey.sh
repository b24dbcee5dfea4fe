# Says where OpenMeetings is on this node, and what runs it, a line each: what, a tab, and a text.
# A POSIX sh is all that is needed. The folders to look in, and those of unit files, are put in before
# this. Nothing is written here.
LC_ALL=C
export LC_ALL
cd / || exit 1

say() { printf '%s\t%s\n' "$1" "$2"; }

home() {
    case $1 in
    *'
'* | *'	'*) say odd "$(printf '%s' "${1#.}" | tr '\n\t' '??')" ;;
    *)
        say home "${1#.}"
        data=${1%/WEB-INF/classes/hazelcast.xml}/data
        if [ -L "$data" ]; then
            say data "${data#.} -> $(readlink "$data")"
        elif [ -d "$data" ]; then
            say data "${data#.}"
        fi
        ;;
    esac
}

# The unit files of a folder that can be read, as arguments.
# shellcheck disable=SC2016
list='set --
for file in "$folder"/*.service; do
    case $file in */omconf-*) continue ;; esac
    if [ -f "$file" ] && [ -r "$file" ]; then set -- "$@" "$file"; fi
done'
words='openmeetings|catalina|tomcat'

# $above holds patterns: it is split at blanks and expanded.
homes=$(
    for folder in $above; do
        for file in "$folder"/*/webapps/*/WEB-INF/classes/hazelcast.xml; do
            if [ -f "$file" ]; then home "$file"; fi
        done
    done
    for folder in $units; do
        eval "$list"
        [ $# -eq 0 ] || grep -l -i -E "$words" "$@" | while IFS= read -r file; do
            grep -s -E '^ *(WorkingDirectory|Environment|ExecStart)' "$file" | tr " \"'=:;" '\n' |
                sed 's#/bin/[^/]*$##; s#/*$##' | grep '^/' | head -n 8 | while read -r base; do
                for said in ".$base"/webapps/*/WEB-INF/classes/hazelcast.xml; do
                    if [ -f "$said" ]; then home "$said"; fi
                done
            done
        done
    done
)
[ -z "$homes" ] || printf '%s\n' "$homes"
# A unit may say no more than the path of a home.
bases=$(printf '%s\n' "$homes" | sed -n 's#^home.\(/.*\)/webapps/[^/]*/WEB-INF/classes/hazelcast\.xml$#\1#p')
# Several paths may lead to one installation.
printf '%s\n' "$bases" | sort -u | while IFS= read -r base; do
    if real=$(cd -P ".$base/webapps" 2>/dev/null && pwd); then say real "$base -> $real"; fi
done
for folder in $units; do
    eval "$list"
    if [ $# -gt 0 ]; then
        say any "$folder"
        {
            grep -l -i -E "$words" "$@"
            [ -z "$bases" ] || grep -l -F -e "$bases" "$@"
        } | sort -u | while IFS= read -r file; do
            say unit "${file#.}"
        done
    fi
    for file in "$folder"/*.service.d/omconf.conf; do
        if [ -f "$file" ]; then say unit "${file#.}"; fi
    done
done
say zone "$(readlink /etc/localtime 2>/dev/null)"
say host "$(hostname 2>/dev/null || uname -n)"
{ ip -o -4 address show scope global 2>/dev/null || hostname -I 2>/dev/null | tr ' ' '\n'; } |
    sed -n 's#^.* inet \([0-9.]*\)/.*#\1#p; s#^\([0-9.]*\)$#\1#p' | while read -r address; do
    say address "$address"
done
