# BEGIN omconf: galera
# catalina.sh evaluates JAVA_OPTS once more: each option is quoted.
omconf_options="\
 '-DDATA_DIR=/opt/omdata'\
 '-Duser.timezone=Etc/UTC'\
 '-Dopenjpa.serialization.class.blacklist=*'\
 '-Dopenjpa.serialization.class.whitelist=[B,java.util,org.apache.openjpa,org.apache.openmeetings.db.entity'"
case "${JAVA_OPTS-}" in
*"$omconf_options"*) ;;
*) JAVA_OPTS="${JAVA_OPTS-}$omconf_options" ;;
esac
export JAVA_OPTS
# END omconf: galera
