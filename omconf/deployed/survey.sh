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
    *) say home "${1#.}" ;;
    esac
}

# $above holds patterns: it is split at blanks and expanded.
for folder in $above; do
    for file in "$folder"/*/webapps/*/WEB-INF/classes/hazelcast.xml; do
        if [ -f "$file" ]; then home "$file"; fi
    done
done
for folder in $units; do
    for file in "$folder"/*.service.d/omconf.conf; do
        if [ -f "$file" ]; then say unit "${file#.}"; fi
    done
    for file in "$folder"/*.service; do
        case $file in */omconf-*) continue ;; esac
        [ -f "$file" ] && [ -r "$file" ] || continue
        say any "$folder"
        grep -q -i -E 'openmeetings|catalina|tomcat' "$file" || continue
        say unit "${file#.}"
        grep -E '^ *(WorkingDirectory|Environment|ExecStart)' "$file" | tr " \"'=:;" '\n' |
            grep '^/' | sed 's#/bin/[^/]*$##' | head -n 8 | while read -r base; do
            for said in ".$base"/webapps/*/WEB-INF/classes/hazelcast.xml; do
                if [ -f "$said" ]; then home "$said"; fi
            done
        done
    done
done
say zone "$(readlink /etc/localtime 2>/dev/null)"
say host "$(hostname 2>/dev/null || uname -n)"
{ ip -o -4 address show scope global 2>/dev/null || hostname -I 2>/dev/null | tr ' ' '\n'; } |
    sed -n 's#^.* inet \([0-9.]*\)/.*#\1#p; s#^\([0-9.]*\)$#\1#p' | while read -r address; do
    say address "$address"
done
