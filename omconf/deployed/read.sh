# Sends this node's files as one tar stream. What cannot be sent is reported on stderr instead.
# The wanted paths, the manifest that lists further ones, what such files may be called, and paths of
# files around them (the last part may be `*.END`) are put in before this: a POSIX sh and tar are all
# that is needed. Nothing is written here.
LC_ALL=C
# GNU tar's own format, also where it is built to write pax headers (SUSE) or the user's options ask
# for them; and names as they stand, where it would read `\n` in one as a line break. BusyBox does no other,
# and bsdtar does not read this variable.
TAR_OPTIONS="--format=gnu --no-unquote"
export LC_ALL TAR_OPTIONS
cd / || exit 1
IFS='
'
set -f

say() { printf 'omconf-read\t%s\t%s\n' "$1" "$2" >&2; }

# Where the last part of a path is `*.END`, the files that are there stand for it.
around=''
for path in $surroundings; do
    case $path in
    *'/*'*)
        folder=${path%"/*"*}
        count=0
        set +f
        for file in "./$folder"/*"${path##*"/*"}"; do
            case $file in
            *"$IFS"*) ;;
            *)
                if [ "$count" -lt 64 ] && { [ -e "$file" ] || [ -L "$file" ]; }; then
                    count=$((count + 1))
                    around="$around$IFS${file#./}"
                fi
                ;;
            esac
        done
        set -f
        ;;
    *) around="$around$IFS$path" ;;
    esac
done
# The manifest has one file a line, its path first.
listed=$(sed -n 's#^ *{"path": "/\([^"\\]*\)".*#\1#p' "./$manifest" 2>/dev/null | head -n 1000)
# The names of the jars tell which releases of OpenMeetings and Hazelcast are installed.
set +f
for jar in "./$library"/openmeetings-*.jar "./$library"/hazelcast-*.jar; do
    [ -z "$library" ] || [ ! -e "$jar" ] || say jar "${jar##*/}"
done
set -f
# Not there; or in a folder that this user may not enter, which is another matter.
certain() {
    said=$(ls -d -- "$@" 2>&1)
    for line in $said; do
        case $line in
        *'No such file'* | *'Not a directory'*) ;;
        *) return 1 ;;
        esac
    done
}
absent=''
set --
for path in $(printf '%s\n' "$manifest" "$wanted" "$around" "$listed" | sort -u); do
    case "/$names/$manifest" in
    *"/${path##*/}/"* | *"/$path") ;;
    *)
        case "$around$IFS" in
        *"$IFS$path$IFS"*) ;;
        *) continue ;;
        esac
        ;;
    esac
    if [ -L "./$path" ]; then
        say link "$path"
    elif [ -d "./$path" ]; then
        say directory "$path"
    elif [ ! -e "./$path" ]; then
        # A file on the way to it, or a link that leads nowhere.
        above=$path
        while case $above in */*) ;; *) false ;; esac; do
            above=${above%/*}
            if [ -d "./$above" ]; then
                break
            elif [ -e "./$above" ] || [ -L "./$above" ]; then
                certain "./$path" || break
                say above "$path	$above"
                continue 2
            fi
        done
        absent="$absent$IFS./$path"
    elif [ ! -f "./$path" ]; then
        say special "$path"
    elif [ ! -r "./$path" ]; then
        say unreadable "$path"
    else
        set -- "$@" "./$path"
    fi
done
# shellcheck disable=SC2086
if [ -n "$absent" ] && ! certain $absent; then
    for path in $absent; do
        certain "$path" || say unreadable "${path#./}"
    done
fi
# Where links lead the folders of the files, by one process.
lf=$IFS
folders=$(
    last=''
    for path; do
        [ "${path%/*}" != "$last" ] || continue
        last=${path%/*} real=''
        ! cd / || ! cd -P "$last" || real=$PWD
        case $real in *"$lf"*) real='' ;; esac
        printf '%s\n' "$real"
    done
    echo .
)
# How large each is and which file it is, whatever leads to it: two paths may be one file. One `ls` says it
# of all, in this order; where it says it of another file, it is asked again.
unset BLOCK_SIZE LS_BLOCK_SIZE BLOCKSIZE
listed='' last=''
[ $# -eq 0 ] || listed=$(ls -din -- "$@" 2>/dev/null)
for path; do
    shift
    IFS=' ' read -r inode _ _ _ _ size name || name=''
    case $name in
    *" $path") ;;
    *)
        IFS=' ' read -r inode _ _ _ _ size name <<EOF
$(ls -din -- "$path")
EOF
        ;;
    esac
    if [ "${path%/*}" != "$last" ]; then
        last=${path%/*} folder=${folders%%"$lf"*} folders=${folders#*"$lf"}
    fi
    if [ "${size:-0}" -gt 4194304 ]; then
        say large "${path#./}"
        continue
    fi
    set -- "$@" "$path"
    printf 'omconf-read\tfile\t%s\t%s\t%s\n' "${path#./}" "$inode" "$folder" >&2
done <<EOF
$listed
EOF
if [ $# -eq 0 ]; then
    # tar makes no empty archive: this is one, two blocks of zeros.
    dd if=/dev/zero bs=512 count=2 2>/dev/null
else
    tar -cf - -- "$@"
fi
