JAVA_OPTS="$JAVA_OPTS -DDATA_DIR=/opt/omdata -Xmx2g -Duser.timezone=Europe/Berlin"
JAVA_OPTS="$JAVA_OPTS -Dopenjpa.serialization.class.blacklist=*"
JAVA_OPTS="$JAVA_OPTS -Dopenjpa.serialization.class.whitelist=[B,java.util,org.apache.openjpa,org.apache.openmeetings.db.entity"
